// C = A B for any element type and any strides, batched; W columns of one row at a time.
// Given: KERNEL and the element type T.

WORK_GROUP __kernel void KERNEL(
    __global T *c, const long c_offset,
    __global const T *a, const long a_offset, const long4 a_strides,
    __global const T *b, const long b_offset, const long4 b_strides,
    const long m, const long n, const long k) {
  const Share columns = share(n, W, 0), rows = share(m, 1, 1);
  const long batch = get_global_id(2);
  a += a_offset + batch * a_strides.x;
  b += b_offset + batch * b_strides.x;
  c += c_offset + batch * m * n;
  for (long i = rows.begin; i < rows.end; i += rows.step)
    for (long j = columns.begin; j < columns.end; j += columns.step) {
      const int left = lanes_left(columns.end - j);
      JOIN(v_, T) sum = (JOIN(v_, T))(0);
      for (long p = 0; p < k; ++p)
        sum += a[i * a_strides.y + p * a_strides.z]
            * JOIN(load_, T)(b + p * b_strides.y + j * b_strides.z, b_strides.z, left);
      JOIN(store_, T)(c + i * n + j, 1, left, sum);
    }
}
