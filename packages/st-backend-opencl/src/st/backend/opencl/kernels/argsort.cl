// One pass of a merge sort of indices along the middle axis of (n_outer, n, n_inner): neighbouring
// runs of `width` sorted elements become runs of twice that. Each element finds its place by a
// binary search in the other run, so that all of them move at once. Stable; NaN come last.
// The first pass (width 1) reads no indices. Given: KERNEL and the element type T.

#define BEFORE(x, y) (((x) < (y)) | (IS_NAN(y) & !IS_NAN(x)))

WORK_GROUP __kernel void KERNEL(
    __global long *out, const long out_offset, __global const long *from, const long from_offset,
    __global const T *in, const long in_offset,
    const long n_outer, const long n, const long n_inner,
    const long outer_stride, const long sorted_stride, const long inner_stride, const long width) {
  const Share elements = share(n_outer * n * n_inner, 1, 0);
  for (long element = elements.begin; element < elements.end; element += elements.step) {
    const long above = element / n_inner, inner = element - above * n_inner;
    const long outer = above / n, i = above - outer * n;
    __global const T *p = in + in_offset + outer * outer_stride + inner * inner_stride;
    const long row = outer * n * n_inner + inner;
    __global const long *picks = from + from_offset + row;
    const long begin = i / (2 * width) * (2 * width);
    const long middle = begin + width < n ? begin + width : n;
    const long end = middle + width < n ? middle + width : n;
    const int is_left = i < middle;
    const long pick = width == 1 ? i : picks[i * n_inner];
    const T x = p[pick * sorted_stride];
    // How many of the other run come before x; of equal ones those of the left run do.
    long low = is_left ? middle : begin, high = is_left ? end : middle;
    const long start = low;
    while (low < high) {
      const long at = low + (high - low) / 2;
      const T y = p[(width == 1 ? at : picks[at * n_inner]) * sorted_stride];
      const int comes_first = is_left ? BEFORE(y, x) : !BEFORE(x, y);
      low = comes_first ? at + 1 : low;
      high = comes_first ? high : at;
    }
    const long place = is_left ? i + low - start : begin + i - middle + low - start;
    out[out_offset + row + place * n_inner] = pick;
  }
}
