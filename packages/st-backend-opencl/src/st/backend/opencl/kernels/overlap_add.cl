// Every window of (n, rows, columns, height, width, channels) added where it came from in images of
// out_shape. Each pixel collects what belongs to it, in order of its place in the windows, so the
// result is the same for any number of threads. Given: KERNEL and the element type T.
// steps: how far apart windows begin, down and right, and their elements are.

WORK_GROUP __kernel void KERNEL(
    __global T *out, const long out_offset, const long4 out_shape,
    __global const T *x, const long x_offset, const long8 shape, const long8 strides,
    const long4 steps) {
  const long height = out_shape.y, width = out_shape.z;
  const Share lines = share(out_shape.x * height, 1, 1), channels = share(out_shape.w, W, 0);
  for (long line = lines.begin; line < lines.end; line += lines.step)
    for (long column = 0; column < width; ++column) {
      const long image = line / height, y = line - image * height;
      __global const T *from = x + x_offset + image * strides.s0;
      __global T *to = out + out_offset + (line * width + column) * out_shape.w;
      for (long channel = channels.begin; channel < channels.end; channel += channels.step) {
        const int n = lanes_left(channels.end - channel);
        JOIN(v_, T) sum = (JOIN(v_, T))(0);
        for (long i = 0; i < shape.s3; ++i) {
          const long down = y - i * steps.z, r = down / steps.x;
          if (down < 0 || down != r * steps.x || r >= shape.s1) continue;
          for (long j = 0; j < shape.s4; ++j) {
            const long right = column - j * steps.w, c = right / steps.y;
            if (right < 0 || right != c * steps.y || c >= shape.s2) continue;
            sum += JOIN(load_, T)(
                from + r * strides.s1 + c * strides.s2 + i * strides.s3 + j * strides.s4
                    + channel * strides.s5,
                strides.s5, n);
          }
        }
        JOIN(store_, T)(to + channel, 1, n, sum);
      }
    }
}
