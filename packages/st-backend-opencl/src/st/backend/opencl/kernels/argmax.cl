// Index of the first largest element along the middle axis of (n_outer, n_reduced, n_inner); the
// first NaN counts as largest, as in NumPy. Given: KERNEL and the element type T.

WORK_GROUP __kernel void KERNEL(
    __global long *out, const long out_offset, __global const T *in, const long in_offset,
    const long n_outer, const long n_reduced, const long n_inner,
    const long outer_stride, const long reduced_stride, const long inner_stride) {
  const Share outputs = share(n_outer * n_inner, 1, 0);
  for (long output = outputs.begin; output < outputs.end; output += outputs.step) {
    const long outer = output / n_inner, inner = output - outer * n_inner;
    __global const T *p = in + in_offset + outer * outer_stride + inner * inner_stride;
    long best = 0;
    T largest = p[0];
    for (long i = 1; i < n_reduced; ++i) {
      const T x = p[i * reduced_stride];
      const int larger = (x > largest) | (IS_NAN(x) & !IS_NAN(largest));
      largest = larger ? x : largest;
      best = larger ? i : best;
    }
    out[out_offset + output] = best;
  }
}
