// One pass of a merge sort of indices along the middle axis of (n_outer, n, n_inner): neighbouring
// runs of `width` sorted elements become runs of twice that; the pass of width 0 makes runs of RUN
// by insertion and reads no indices. Work is split by output: a work-item finds by binary search
// where its CHUNK of a merged run begins in the two runs, and merges from there. (Odeh and others,
// Merge Path, 2012.) Stable; NaN come last. Given: KERNEL, the element type T, RUN and CHUNK.

#define BEFORE(x, y) (((x) < (y)) | (IS_NAN(y) & !IS_NAN(x)))
#define VALUE(place) p[picks[(place) * n_inner] * sorted_stride]

WORK_GROUP __kernel void KERNEL(
    __global long *out, const long out_offset, __global const long *from, const long from_offset,
    __global const T *in, const long in_offset,
    const long n_outer, const long n, const long n_inner,
    const long outer_stride, const long sorted_stride, const long inner_stride, const long width) {
  const long n_chunks = (n + CHUNK - 1) / CHUNK;
  const Share chunks = share(n_outer * n_inner * n_chunks, 1, 0);
  for (long chunk = chunks.begin; chunk < chunks.end; chunk += chunks.step) {
    const long outer = chunk / n_chunks / n_inner, inner = chunk / n_chunks % n_inner;
    __global const T *p = in + in_offset + outer * outer_stride + inner * inner_stride;
    const long row = outer * n * n_inner + inner;
    __global const long *picks = from + from_offset + row;
    __global long *to = out + out_offset + row;
    long at = chunk % n_chunks * CHUNK;
    const long stop = at + CHUNK < n ? at + CHUNK : n;
    if (width == 0) {
      for (; at < stop; ++at) {
        const T x = p[at * sorted_stride];
        long place = at;
        for (; place % RUN != 0; --place) {
          const long pick = to[(place - 1) * n_inner];
          if (!BEFORE(x, p[pick * sorted_stride])) break;
          to[place * n_inner] = pick;
        }
        to[place * n_inner] = at;
      }
      continue;
    }
    while (at < stop) {
      const long begin = at / (2 * width) * (2 * width);
      const long middle = begin + width < n ? begin + width : n;
      const long end = middle + width < n ? middle + width : n;
      const long merged = at - begin, last = end < stop ? end : stop;
      // How many of the first `merged` come from the left run; of equal ones the left come first.
      long low = merged > end - middle ? merged - (end - middle) : 0;
      long high = merged < middle - begin ? merged : middle - begin;
      while (low < high) {
        const long pivot = low + (high - low) / 2;
        const int comes_first =
            !BEFORE(VALUE(middle + merged - 1 - pivot), VALUE(begin + pivot));
        low = comes_first ? pivot + 1 : low;
        high = comes_first ? high : pivot;
      }
      long left = begin + low, right = middle + merged - low;
      for (; at < last; ++at) {
        const int takes_left =
            right >= end || (left < middle && !BEFORE(VALUE(right), VALUE(left)));
        to[at * n_inner] = picks[(takes_left ? left : right) * n_inner];
        left += takes_left;
        right += !takes_left;
      }
    }
  }
}
