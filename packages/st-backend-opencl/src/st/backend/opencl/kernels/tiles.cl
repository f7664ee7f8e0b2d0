// C = A B on GPUs: a work-group makes a tile of TILE x TILE, its panels of A and B in local memory.
// Each of the GROUP work-items keeps 4 x 4 elements, rows and columns TILE / 4 apart, so that
// neighbours read neighbouring words and write neighbouring elements. Given: KERNEL, T and TILE.

#define DEPTH 16
#define EACH 4
#define SIDE (TILE / EACH)

__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void KERNEL(
    __global T *c, const long c_offset, const long4 batch_shape,
    const long m, const long n, const long k, MATRIX(T, a), MATRIX(T, b)) {
  __local T left[DEPTH][TILE + 1], right[DEPTH][TILE];
  const int id = get_local_id(0), y = id / SIDE, x = id % SIDE;
  const long n_across = (n + TILE - 1) / TILE, tile = get_global_id(1);
  const long i0 = tile / n_across * TILE, j0 = tile % n_across * TILE, batch = get_global_id(2);
  a += PLACE(a, batch);
  b += PLACE(b, batch);
  c += c_offset + batch * m * n;
  T sum[EACH][EACH];
  for (int i = 0; i < EACH; ++i)
    for (int j = 0; j < EACH; ++j) sum[i][j] = 0;
  for (long depth = 0; depth < k; depth += DEPTH) {
    for (int at = id; at < DEPTH * TILE; at += GROUP) {
      // A is read along its columns, B along its own: that is how they lie in memory, mostly.
      const int p = at % DEPTH, i = at / DEPTH, q = at / TILE, j = at % TILE;
      left[p][i] =
          i0 + i < m && depth + p < k ? a[ROW(a, i0 + i) + COLUMN(a, depth + p)] : (T)0;
      right[q][j] =
          j0 + j < n && depth + q < k ? b[ROW(b, depth + q) + COLUMN(b, j0 + j)] : (T)0;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    const int steps = k - depth < DEPTH ? k - depth : DEPTH;
    for (int p = 0; p < steps; ++p)
      for (int i = 0; i < EACH; ++i)
        for (int j = 0; j < EACH; ++j) sum[i][j] += left[p][y + i * SIDE] * right[p][x + j * SIDE];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  for (int i = 0; i < EACH; ++i)
    for (int j = 0; j < EACH; ++j) {
      const long row = i0 + y + i * SIDE, column = j0 + x + j * SIDE;
      if (row < m && column < n) c[row * n + column] = sum[i][j];
    }
}
