// C = A B for floats on CPUs: tiles of ROWS x COLUMNS kept in registers, one column panel of B
// after the other, over DEPTH elements of the inner axis at a time. 6 x 64 floats are 24 of the 32
// vector registers of AVX-512. B is read in place (is_direct, full panels only) or as pack_b left
// it. Given: ROWS and VECTORS.

#define DEPTH 512

// Dimension 0 shares the row panels, dimension 1 the column panels, dimension 2 is the batch.
WORK_GROUP __kernel void gemm(
    __global float *c, const long c_offset, const long4 batch_shape,
    const long m, const long n, const long k, MATRIX(float, a), MATRIX(float, b),
    const long is_direct) {
  const Share rows = share((m + ROWS - 1) / ROWS, 1, 0);
  const Share columns = share((n + COLUMNS - 1) / COLUMNS, 1, 1);
  const long batch = get_global_id(2);
  const long b_step = is_direct ? b_row_strides.w : COLUMNS, a_step = a_column_strides.w;
  a += PLACE(a, batch);
  c += c_offset + batch * m * n;
  b += is_direct ? PLACE(b, batch) : batch * ((n + COLUMNS - 1) / COLUMNS) * k * COLUMNS;
  for (long depth = 0; depth < k || depth == 0; depth += DEPTH) {
    const long steps = MIN(DEPTH, k - depth);
    for (long column = columns.begin; column < columns.end; ++column)
      for (long row = rows.begin; row < rows.end; ++row) {
        const long i0 = row * ROWS, j0 = column * COLUMNS;
        __global const float *from =
            b + (is_direct ? depth * b_step + j0 : (column * k + depth) * COLUMNS);
        __global const float *line[ROWS];
        v_float tile[ROWS][VECTORS];
#pragma unroll
        for (int i = 0; i < ROWS; ++i) {
          line[i] = a + ROW(a, MIN(i0 + i, m - 1));
#pragma unroll
          for (int v = 0; v < VECTORS; ++v) tile[i][v] = (v_float)(0.0f);
        }
        // The columns of A in runs along its last axis: one run, unless they are several axes.
        for (long begin = depth, run; begin < depth + steps; begin += run) {
          run = MIN(a_columns.w - begin % a_columns.w, depth + steps - begin);
          long at = COLUMN(a, begin);
          for (long p = 0; p < run; ++p, from += b_step, at += a_step) {
            v_float y[VECTORS];
#pragma unroll
            for (int v = 0; v < VECTORS; ++v) y[v] = *(__global const u_float *)(from + W * v);
#pragma unroll
            for (int i = 0; i < ROWS; ++i) {
              const v_float x = (v_float)(line[i][at]);
#pragma unroll
              for (int v = 0; v < VECTORS; ++v) tile[i][v] = x * y[v] + tile[i][v];
            }
          }
        }
        __global float *to = c + i0 * n + j0;
        if (i0 + ROWS <= m && j0 + COLUMNS <= n) {
#pragma unroll
          for (int i = 0; i < ROWS; ++i)
#pragma unroll
            for (int v = 0; v < VECTORS; ++v) {
              __global u_float *target = (__global u_float *)(to + i * n + W * v);
              *target = depth != 0 ? *target + tile[i][v] : tile[i][v];
            }
        } else {
          float spread[ROWS * COLUMNS];
#pragma unroll
          for (int i = 0; i < ROWS; ++i)
#pragma unroll
            for (int v = 0; v < VECTORS; ++v) *(u_float *)(spread + i * COLUMNS + W * v) = tile[i][v];
          for (int i = 0; i < MIN(ROWS, m - i0); ++i)
            for (int j = 0; j < MIN(COLUMNS, n - j0); j += W) {
              __global float *target = to + i * n + j;
              const int left = lanes_left(n - j0 - j);
              const v_float made = *(u_float *)(spread + i * COLUMNS + j);
              store_float(target, 1, left, depth != 0 ? load_float(target, 1, left) + made : made);
            }
        }
      }
  }
}
