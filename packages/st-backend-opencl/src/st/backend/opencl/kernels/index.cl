// Given: INDEX, an integer type, and UNSIGNED when it has no sign.
static inline long clamp_index(INDEX index, long n) {
#ifdef UNSIGNED
  return (ulong)index >= (ulong)n ? n - 1 : (long)index;
#else
  return index < 0 ? 0 : (long)index >= n ? n - 1 : (long)index;
#endif
}
