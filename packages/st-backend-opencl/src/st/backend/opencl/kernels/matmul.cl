// C = A B for any element type, batched; W columns of one row at a time. The columns of B are one
// axis. Given: KERNEL and the element type T.

WORK_GROUP __kernel void KERNEL(
    __global T *c, const long c_offset, const long4 batch_shape,
    const long m, const long n, const long k, MATRIX(T, a), MATRIX(T, b)) {
  const Share columns = share(n, W, 0), rows = share(m, 1, 1);
  const long batch = get_global_id(2), b_stride = b_column_strides.w;
  a += PLACE(a, batch);
  b += PLACE(b, batch);
  c += c_offset + batch * m * n;
  for (long i = rows.begin; i < rows.end; i += rows.step)
    for (long j = columns.begin; j < columns.end; j += columns.step) {
      const int left = lanes_left(columns.end - j);
      JOIN(v_, T) sum = (JOIN(v_, T))(0);
      for (long p = 0; p < k; ++p)
        sum += a[ROW(a, i) + COLUMN(a, p)]
            * JOIN(load_, T)(b + ROW(b, p) + j * b_stride, b_stride, left);
      JOIN(store_, T)(c + i * n + j, 1, left, sum);
    }
}
