// Images with zeros around them. A line is a row of pixels with all their channels; lines of x have
// `length` elements and lie one behind the other. Given: KERNEL and the element type T.

WORK_GROUP __kernel void KERNEL(
    __global T *out, const long n_lines, const long out_height, const long out_length,
    __global const T *x, const long x_offset, const long height, const long length) {
  const Share lines = share(n_lines, 1, 1), columns = share(out_length, W, 0);
  const long above = (out_height - height) / 2, aside = (out_length - length) / 2;
  for (long line = lines.begin; line < lines.end; line += lines.step) {
    const long image = line / out_height, y = line - image * out_height - above;
    __global const T *from = x + x_offset + (image * height + y) * length - aside;
    __global T *to = out + line * out_length;
    const int is_inside = y >= 0 && y < height;
    for (long column = columns.begin; column < columns.end; column += columns.step) {
      const int n = lanes_left(columns.end - column);
      if (is_inside && n == W && column >= aside && column + W <= aside + length) {
        JOIN(store_, T)(to + column, 1, W, JOIN(load_, T)(from + column, 1, W));
        continue;
      }
      for (long i = column; i < column + n; ++i)
        to[i] = is_inside && i >= aside && i < aside + length ? from[i] : (T)0;
    }
  }
}
