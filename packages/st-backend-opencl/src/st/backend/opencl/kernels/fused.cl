// What kernels made by fusion share; see weave.py. A space of up to eight axes is walked row by row,
// a row in vectors; axes are counted from the left, the last one is the row.

static inline long count_rows(long8 shape) {
  return shape.s0 * shape.s1 * shape.s2 * shape.s3 * shape.s4 * shape.s5 * shape.s6;
}

// The index of a row along each axis, 0 along the last.
static inline long8 position(long row, long8 shape) {
  long8 found = (long8)(0);
  for (int axis = 6; row != 0; --axis) {
    const long size = ((long *)&shape)[axis], above = row / size;
    ((long *)&found)[axis] = row - above * size;
    row = above;
  }
  return found;
}

static inline long along(long8 index, long8 strides) {
  const long8 steps = index * strides;
  return steps.s0 + steps.s1 + steps.s2 + steps.s3 + steps.s4 + steps.s5 + steps.s6;
}

// FULL_: whole vectors of elements that lie side by side, or are the SAME for all columns: these
// loops call nothing, as all vectors would go to memory around a call. PART_: n lanes of any.
#define FULL_LOAD(T, p, stride) *(__global const JOIN(u_, T) *)(p)
#define FULL_SAME(T, p, stride) (JOIN(v_, T))(*(p))
#define FULL_STORE(T, p, stride, x) *(__global JOIN(u_, T) *)(p) = x
#define FULL_KEEP(T, x, other) x
#define FULL_PICK(T_INDEX, p, stride, row_stride, n_rows, rows) \
  JOIN(pick_, T_INDEX)(p, stride, row_stride, n_rows, rows, W)
#define PART_LOAD(T, p, stride) JOIN(load_, T)(p, stride, n)
#define PART_SAME(T, p, stride) PART_LOAD(T, p, stride)
#define PART_STORE(T, p, stride, x) JOIN(store_, T)(p, stride, n, x)
#define PART_KEEP(T, x, other) JOIN(keep_, T)(x, n, other)
#define PART_PICK(T_INDEX, p, stride, row_stride, n_rows, rows) \
  JOIN(pick_, T_INDEX)(p, stride, row_stride, n_rows, rows, n)

// pick_T_INDEX: elements of a table whose rows lie row_stride apart: each lane has its own row,
// clamped to the table, and lies `stride` behind the lane before it.
#define CLAMPED(row, n_rows) ((row) < 0 ? 0 : (ulong)(row) >= (ulong)(n_rows) ? (n_rows) - 1 : (long)(row))
#if W == 1
#define DEFINE_PICK(T, INDEX) \
  static inline T pick_##T##_##INDEX(__global const T *p, long stride, long row_stride, \
                                     long n_rows, INDEX row, int n) { \
    return p[CLAMPED(row, n_rows) * row_stride]; \
  }
#else
#define DEFINE_PICK(T, INDEX) \
  static __attribute__((noinline)) v_##T pick_##T##_##INDEX( \
      __global const T *p, long stride, long row_stride, long n_rows, v_##INDEX rows, int n) { \
    INDEX row[W]; \
    *(u_##INDEX *)row = rows; \
    int is_same = n == W && stride == 1; \
    for (int i = 1; i < W; ++i) is_same &= row[i] == row[0]; \
    if (is_same) return *(__global const u_##T *)(p + CLAMPED(row[0], n_rows) * row_stride); \
    T lanes[W]; \
    for (int i = 0; i < W; ++i) { \
      const int lane = i < n ? i : 0; \
      lanes[i] = p[lane * stride + CLAMPED(row[lane], n_rows) * row_stride]; \
    } \
    return *(u_##T *)lanes; \
  }
#endif
