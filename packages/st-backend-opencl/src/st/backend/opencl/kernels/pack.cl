// Packed B: panel after panel of COLUMNS columns, [panel][k][COLUMNS], zeros beyond the last column;
// dimension 0 is the panel, dimension 2 the batch.
DEFINE_KEEP(float)

WORK_GROUP __kernel void pack_b(
    __global float *packed, const long4 batch_shape, const long n, const long k,
    MATRIX(float, b)) {
  const long n_panels = (n + COLUMNS - 1) / COLUMNS;
  const long panel = get_global_id(0), first = panel * COLUMNS, batch = get_global_id(2);
  const long column_stride = b_column_strides.w;
  const long row_stride = b_rows.w == k ? b_row_strides.w : 0;  // of B whose rows are one axis
  const int width = (int)MIN(COLUMNS, n - first);
  b += PLACE(b, batch) + first * column_stride;
  packed += (batch * n_panels + panel) * k * COLUMNS;
  if (width < COLUMNS && column_stride == 1) {
    for (long p = 0; p < k; ++p, packed += COLUMNS) {
      __global const float *row = b + ROW(b, p);
      for (int j = 0; j < COLUMNS; j += W) {
        const int left = width - j < W ? width - j : W;
        v_float x = (v_float)(0.0f);
        if (left > 0) x = keep_float(load_float(row + j, 1, left), left, 0.0f);
        *(__global u_float *)(packed + j) = x;
      }
    }
    return;
  }
  if (column_stride == 1) {
    for (long p = 0; p < k; ++p, packed += COLUMNS) {
      __global const float *row = b + ROW(b, p);
#pragma unroll
      for (int v = 0; v < VECTORS; ++v)
        *(__global u_float *)(packed + W * v) = *(__global const u_float *)(row + W * v);
    }
    return;
  }
  long p = 0;
  if (width == COLUMNS && row_stride == 1)  // transposed B: blocks of W x W through private memory
    for (; p + W <= k; p += W)
      for (int v = 0; v < VECTORS; ++v) {
        float block[W * W];
#pragma unroll
        for (int j = 0; j < W; ++j)
          *(u_float *)(block + W * j) =
              *(__global const u_float *)(b + p + (W * v + j) * column_stride);
        for (int i = 0; i < W; ++i) {
          float lanes[W];
#pragma unroll
          for (int j = 0; j < W; ++j) lanes[j] = block[W * j + i];
          *(__global u_float *)(packed + (p + i) * COLUMNS + W * v) = *(u_float *)lanes;
        }
      }
  for (; p < k; ++p) {
    __global const float *row = b + ROW(b, p);
    for (int j = 0; j < COLUMNS; ++j)
      packed[p * COLUMNS + j] = j < width ? row[j * column_stride] : 0.0f;
  }
}

