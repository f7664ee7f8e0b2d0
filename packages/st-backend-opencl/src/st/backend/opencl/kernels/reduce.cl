// Sum or maximum over the middle axis of (n_outer, n_reduced, n_inner).
//
// Given: KERNEL, the element type T, START (what nothing reduces to) and COMBINE(x, y).
// Dimension 0 shares the outputs (2 where each is a whole row); dimension 1 splits the reduced axis
// into parts, each of which writes its own (n_outer, n_inner) block, to be reduced again. Partial
// results are combined in blocks, so float sums err like pairwise ones; the order never varies with
// the number of threads, only with the shape. Given too: MOST_COLUMNS, the block of a row.

#define BLOCK 64
#if W == 1
#define WIDE 1
#else
#define WIDE 8
#endif

DEFINE_KEEP(T)
DEFINE_TOTAL(total, T, COMBINE)

// One output: n elements that lie `stride` apart. On GPUs a work-group does it together.
static inline T reduce_row(__global const T *p, long stride, long n SHARED_ROW) {
  T result = START;
  for (long begin = 0; begin < n; begin += MOST_COLUMNS) {
    const long end = n - begin < MOST_COLUMNS ? n : begin + MOST_COLUMNS;
    JOIN(v_, T) part = (JOIN(v_, T))(START);
    long i = begin + FIRST_LANE;
#if W > 1
    // Rows that no fused kernel reduces may go several vectors at a time, which hides latency.
    if (n > MOST_COLUMNS && stride == 1) {
      JOIN(v_, T) parts[WIDE];
#pragma unroll
      for (int k = 0; k < WIDE; ++k) parts[k] = (JOIN(v_, T))(START);
      for (; i + WIDE * W <= end; i += WIDE * W)
#pragma unroll
        for (int k = 0; k < WIDE; ++k) {
          const JOIN(v_, T) x = *(__global const JOIN(u_, T) *)(p + i + k * W);
          parts[k] = COMBINE(parts[k], x);
        }
#pragma unroll
      for (int k = 0; k < WIDE; ++k) part = COMBINE(part, parts[k]);
    }
#endif
    for (; i < end; i += LANES) {
      const int left = lanes_left(end - i);
      const JOIN(v_, T) x = JOIN(load_, T)(p + i * stride, stride, left);
      const JOIN(v_, T) kept = JOIN(keep_, T)(x, left, START);
      part = COMBINE(part, kept);
    }
    const T block = FIRST(TOTAL(total, T, part));
    result = COMBINE(result, block);
  }
  return result;
}

// WIDE * W neighbouring outputs: rows that lie `row_stride` apart, whole cache lines of each.
static inline void reduce_wide(__global T *out, __global const T *p, long row_stride, long n) {
  JOIN(v_, T) total[WIDE];
  for (int k = 0; k < WIDE; ++k) total[k] = (JOIN(v_, T))(START);
  for (long i = 0; i < n;) {
    JOIN(v_, T) part[WIDE];
    for (int k = 0; k < WIDE; ++k) part[k] = (JOIN(v_, T))(START);
    const long end = i + BLOCK < n ? i + BLOCK : n;
    for (; i < end; ++i)
      for (int k = 0; k < WIDE; ++k) {
        const JOIN(v_, T) x = JOIN(load_, T)(p + i * row_stride + k * W, 1, W);
        part[k] = COMBINE(part[k], x);
      }
    for (int k = 0; k < WIDE; ++k) total[k] = COMBINE(total[k], part[k]);
  }
  for (int k = 0; k < WIDE; ++k) JOIN(store_, T)(out + k * W, 1, W, total[k]);
}

// The same for the n_lanes of W outputs that are left, `stride` apart.
static inline void reduce_columns(
    __global T *out, __global const T *p, long row_stride, long stride, long n, int n_lanes) {
  JOIN(v_, T) total = (JOIN(v_, T))(START);
  for (long i = 0; i < n;) {
    JOIN(v_, T) part = (JOIN(v_, T))(START);
    const long end = i + BLOCK < n ? i + BLOCK : n;
    for (; i < end; ++i) {
      const JOIN(v_, T) x = JOIN(load_, T)(p + i * row_stride, stride, n_lanes);
      part = COMBINE(part, x);
    }
    total = COMBINE(total, part);
  }
  JOIN(store_, T)(out, 1, n_lanes, total);
}

WORK_GROUP __kernel void KERNEL(
    __global T *out, const long out_offset, __global const T *in, const long in_offset,
    const long n_outer, const long n_reduced, const long n_inner,
    const long outer_stride, const long reduced_stride, const long inner_stride) {
  SHARED;
  const long n_parts = get_global_size(1), part = get_global_id(1);
  const long begin = n_reduced * part / n_parts, end = n_reduced * (part + 1) / n_parts;
  out += out_offset + part * n_outer * n_inner;
  in += in_offset + begin * reduced_stride;
  if (n_inner == 1) {
    const Share rows = share(n_outer, 1, 2);
    for (long row = rows.begin; row < rows.end; row += rows.step) {
      const T result =
          reduce_row(in + row * outer_stride, reduced_stride, end - begin PASS_SHARED);
      ONCE { out[row] = result; }
    }
    return;
  }
  const long per_row = (n_inner + WIDE * W - 1) / (WIDE * W);
  const Share blocks = share(n_outer * per_row, 1, 0);
  for (long block = blocks.begin; block < blocks.end; block += blocks.step) {
    const long row = block / per_row, column = (block - row * per_row) * WIDE * W;
    __global const T *from = in + row * outer_stride + column * inner_stride;
    __global T *to = out + row * n_inner + column;
    const long width = n_inner - column;
    if (width >= WIDE * W && inner_stride == 1)
      reduce_wide(to, from, reduced_stride, end - begin);
    else
      for (long k = 0; k < WIDE * W && k < width; k += W)
        reduce_columns(to + k, from + k * inner_stride, reduced_stride, inner_stride,
                       end - begin, lanes_left(width - k));
  }
}
