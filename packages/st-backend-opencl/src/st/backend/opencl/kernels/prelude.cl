// Types, memory access and arithmetic that every kernel shares; prepended to each program.
//
// Two classes of device run the same text. On a CPU (CPU defined) a work-item stands for a thread:
// work-groups of one, a contiguous share each, W = 16 lanes written out as vectors. On a GPU a
// work-item is one lane (W = 1) and neighbours touch neighbouring elements.
//
// Hot loops use operators, `?:` and the functions below, never built-ins: some CPU runtimes call
// those out of line (a gemm with fma() ran at 14 instead of 150 GFLOP/s on PoCL 3.0).
// No pointer is `restrict` in a kernel with a scalar tail: Intel's CPU runtime crashes there.
#pragma OPENCL FP_CONTRACT ON
#ifdef cl_khr_fp64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

#ifdef CPU
#define W 16
#define WORK_GROUP __attribute__((reqd_work_group_size(1, 1, 1)))
#else
#define W 1
#define WORK_GROUP
#endif

// v_T: W elements. u_T: the same, aligned like one element.
#if W == 1
#define DEFINE_TYPES(T) typedef T v_##T; typedef T u_##T;
#else
#define DEFINE_TYPES(T) \
  typedef JOIN(T, W) v_##T; \
  typedef JOIN(T, W) __attribute__((aligned(sizeof(T)))) u_##T;
#endif

// CONVERT(T, x): the W elements of x as T, truncating towards zero.
#ifndef __has_builtin
#define __has_builtin(x) 0
#endif
#if W == 1
#define CONVERT(T, x) ((T)(x))
#define REINTERPRET(T, x) JOIN(as_, T)(x)
#elif __has_builtin(__builtin_convertvector)
#define CONVERT(T, x) __builtin_convertvector((x), JOIN(T, W))
#define REINTERPRET(T, x) JOIN(as_, JOIN(T, W))(x)
#else
#define CONVERT(T, x) JOIN(convert_, JOIN(T, W))(x)
#define REINTERPRET(T, x) JOIN(as_, JOIN(T, W))(x)
#endif
// TRUTH(mask): 0 or 1 as uchar, from a comparison (which gives 0 and 1, but 0 and -1 in vectors).
#if W == 1
#define TRUTH(mask) ((uchar)(mask))
#else
#define TRUTH(mask) CONVERT(uchar, -(mask))
#endif

// load_T, store_T: n of W elements that lie `stride` apart. Lanes beyond n repeat the first.
// What is rare stands in functions of its own, which halves the time kernels take to build.
#if W == 1
#define DEFINE_ACCESS(T) \
  static inline T load_##T(__global const T *p, long stride, int n) { return *p; } \
  static inline void store_##T(__global T *p, long stride, int n, T x) { *p = x; }
#else
#define DEFINE_ACCESS(T) \
  static __attribute__((noinline)) v_##T gather_##T(__global const T *p, long stride, int n) { \
    T lanes[W]; \
    for (int i = 0; i < W; ++i) lanes[i] = p[(i < n ? i : 0) * stride]; \
    return *(u_##T *)lanes; \
  } \
  static __attribute__((noinline)) void scatter_##T( \
      __global T *p, long stride, int n, v_##T x) { \
    T lanes[W]; \
    *(u_##T *)lanes = x; \
    for (int i = 0; i < n; ++i) p[i * stride] = lanes[i]; \
  } \
  static inline v_##T load_##T(__global const T *p, long stride, int n) { \
    if (stride == 1 && n == W) return *(__global const u_##T *)p; \
    return stride == 0 ? (v_##T)(*p) : gather_##T(p, stride, n); \
  } \
  static inline void store_##T(__global T *p, long stride, int n, v_##T x) { \
    if (stride == 1 && n == W) *(__global u_##T *)p = x; \
    else scatter_##T(p, stride, n, x); \
  }
#endif

#define DEFINE(T) DEFINE_TYPES(T) DEFINE_ACCESS(T)
DEFINE(uchar) DEFINE(int) DEFINE(uint) DEFINE(long) DEFINE(ulong) DEFINE(float)
#ifdef cl_khr_fp64
DEFINE(double)
#endif

// The part of n things, in units, that belongs to this work-item along one dimension.
typedef struct { long begin, end, step; } Share;

static inline Share share(long n, long unit, int dimension) {
  const long id = get_global_id(dimension), size = get_global_size(dimension);
  Share part;
#ifdef CPU
  const long each = ((n + unit - 1) / unit + size - 1) / size * unit;
  part.begin = id * each < n ? id * each : n;
  part.end = part.begin + each < n ? part.begin + each : n;
  part.step = unit;
#else
  part.begin = id * unit;
  part.end = n;
  part.step = size * unit;
#endif
  return part;
}

static inline int lanes_left(long left) { return left < W ? (int)left : W; }

// NaN wins, as in NumPy.
#define IS_NAN(x) ((x) != (x))
#define MAXIMUM(x, y) ((((x) > (y)) | IS_NAN(x)) ? (x) : (y))
