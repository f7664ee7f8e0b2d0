// One number of each row of elements, in an order that depends on its length alone: W lanes (on GPUs
// the work-items of a group) take elements in turn, then lanes are combined in a tree.

#define ADD(x, y) ((x) + (y))

// keep_T: x, with `other` in the lanes from n on.
// NAME: COMBINE of all elements of a row in every lane. On GPUs a work-group shares a row.
#if W == 1
#define DEFINE_KEEP(T) DEFINE_KEEP_(T)
#define DEFINE_KEEP_(T) \
  static inline T keep_##T(T x, int n, T other) { return x; }
#define SHARED __local ulong shared[GROUP]
#define SHARED_ROW , __local ulong *shared
#define PASS_SHARED , shared
#define FIRST_LANE get_local_id(0)
#define LANES GROUP
#define FIRST(x) (x)
#define TOTAL(NAME, T, x) NAME(x, (__local T *)shared)
#define DEFINE_TOTAL(NAME, T, COMBINE) DEFINE_TOTAL_(NAME, T, COMBINE)
#define DEFINE_TOTAL_(NAME, T, COMBINE) \
  static inline T NAME(T x, __local T *shared) { \
    const int id = get_local_id(0); \
    barrier(CLK_LOCAL_MEM_FENCE); \
    shared[id] = x; \
    barrier(CLK_LOCAL_MEM_FENCE); \
    for (int n = GROUP / 2; n > 0; n /= 2) { \
      if (id < n) shared[id] = COMBINE(shared[id], shared[id + n]); \
      barrier(CLK_LOCAL_MEM_FENCE); \
    } \
    return shared[0]; \
  }
// One of the work-items that share a row writes what there is one of, after all have read.
#define ONCE barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE); if (get_local_id(0) == 0)
#else
#define DEFINE_KEEP(T) DEFINE_KEEP_(T)
#define DEFINE_KEEP_(T) \
  static __attribute__((noinline)) v_##T cut_##T(v_##T x, int n, T other) { \
    T lanes[W]; \
    *(u_##T *)lanes = x; \
    for (int i = n; i < W; ++i) lanes[i] = other; \
    return *(u_##T *)lanes; \
  } \
  static inline v_##T keep_##T(v_##T x, int n, T other) { \
    return n == W ? x : cut_##T(x, n, other); \
  }
#define SHARED
#define SHARED_ROW
#define PASS_SHARED
#define FIRST_LANE 0
#define LANES W
#define FIRST(x) ((x).s0)
#define TOTAL(NAME, T, x) NAME(x)
#define DEFINE_TOTAL(NAME, T, COMBINE) DEFINE_TOTAL_(NAME, T, COMBINE)
#define DEFINE_TOTAL_(NAME, T, COMBINE) \
  static inline v_##T NAME(v_##T x) { \
    T lanes[W]; \
    *(u_##T *)lanes = x; \
    for (int n = W / 2; n > 0; n /= 2) \
      for (int i = 0; i < n; ++i) lanes[i] = COMBINE(lanes[i], lanes[i + n]); \
    return (v_##T)(lanes[0]); \
  }
#define ONCE
#endif
