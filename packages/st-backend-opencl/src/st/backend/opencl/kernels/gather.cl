// Sum or maximum over some of the axes of an array, in any order in memory: windows of an image,
// for example. The rows of x are what is kept, its columns what is reduced; few columns are best.
// Given: KERNEL, the element type T, START and COMBINE(x, y).

WORK_GROUP __kernel void KERNEL(
    __global T *out, const long out_offset, const long n_reduced, const long4 batch_shape,
    MATRIX(T, x)) {
  const long across = x_rows.w, n_rows = x_rows.x * x_rows.y * x_rows.z;
  const Share rows = share(n_rows, 1, 1), columns = share(across, W, 0);
  const long stride = x_row_strides.w;
  for (long row = rows.begin; row < rows.end; row += rows.step) {
    __global const T *from = x + x_offset + ROW(x, row * across);
    for (long column = columns.begin; column < columns.end; column += columns.step) {
      const int n = lanes_left(columns.end - column);
      JOIN(v_, T) total = (JOIN(v_, T))(START);
      for (long i = 0; i < n_reduced; ++i) {
        const JOIN(v_, T) each =
            JOIN(load_, T)(from + column * stride + COLUMN(x, i), stride, n);
        total = COMBINE(total, each);
      }
      JOIN(store_, T)(out + out_offset + row * across + column, 1, n, total);
    }
  }
}
