// A matrix whose rows and columns are each up to four axes of an array, one for each place in a
// batch of up to four axes. Shapes have axes of length 1 in front; strides count elements.

#define MATRIX(T, x) \
  __global const T *x, const long x##_offset, const long4 x##_batch, \
  const long4 x##_rows, const long4 x##_row_strides, \
  const long4 x##_columns, const long4 x##_column_strides

static inline long along(long index, long4 shape, long4 strides) {
  long above = index / shape.w;
  long at = (index - above * shape.w) * strides.w;
  if (above == 0) return at;
  index = above;
  above = index / shape.z;
  at += (index - above * shape.z) * strides.z;
  if (above == 0) return at;
  index = above;
  above = index / shape.y;
  return at + (index - above * shape.y) * strides.y + above * strides.x;
}
#define ROW(x, i) along(i, x##_rows, x##_row_strides)
#define COLUMN(x, i) along(i, x##_columns, x##_column_strides)
#define PLACE(x, batch) (x##_offset + along(batch, batch_shape, x##_batch))
