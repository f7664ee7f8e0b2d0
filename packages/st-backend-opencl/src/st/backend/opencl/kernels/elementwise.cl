// One operator over views of up to eight axes, the last of which is walked in vectors.
//
// Given: KERNEL, EXPRESSION(a[, b[, c]]), the element types OUT, A[, B[, C]] and N_INPUTS.
// Strides and offsets count elements; a broadcast axis has stride 0. The output may be one of the
// inputs in place: each element is read before it is written, by the same work-item.

#define N_OPERANDS (N_INPUTS + 1)

WORK_GROUP __kernel void KERNEL(
    const long8 shape,
    __global OUT *out, const long out_offset, const long8 out_strides,
    __global const A *a, const long a_offset, const long8 a_strides
#if N_INPUTS > 1
    , __global const B *b, const long b_offset, const long8 b_strides
#endif
#if N_INPUTS > 2
    , __global const C *c, const long c_offset, const long8 c_strides
#endif
) {
  long sizes[8], strides[N_OPERANDS][8], start[N_OPERANDS];
  vstore8(shape, 0, sizes);
  vstore8(out_strides, 0, strides[0]);
  start[0] = out_offset;
  vstore8(a_strides, 0, strides[1]);
  start[1] = a_offset;
#if N_INPUTS > 1
  vstore8(b_strides, 0, strides[2]);
  start[2] = b_offset;
#endif
#if N_INPUTS > 2
  vstore8(c_strides, 0, strides[3]);
  start[3] = c_offset;
#endif
  long n_rows = 1;
  for (int axis = 0; axis < 7; ++axis) n_rows *= sizes[axis];
  const Share rows = share(n_rows, 1, 1), columns = share(sizes[7], W, 0);

  for (long row = rows.begin; row < rows.end; row += rows.step) {
    long at[N_OPERANDS];
    for (int k = 0; k < N_OPERANDS; ++k) at[k] = start[k];
    long rest = row;
    for (int axis = 6; rest != 0; --axis) {
      const long above = rest / sizes[axis], index = rest - above * sizes[axis];
      rest = above;
      for (int k = 0; k < N_OPERANDS; ++k) at[k] += index * strides[k][axis];
    }
    for (long column = columns.begin; column < columns.end; column += columns.step) {
      const int n = lanes_left(columns.end - column);
#define LOAD(T, p, k) JOIN(load_, T)(p + at[k] + column * strides[k][7], strides[k][7], n)
      const JOIN(v_, A) x = LOAD(A, a, 1);
#if N_INPUTS > 1
      const JOIN(v_, B) y = LOAD(B, b, 2);
#endif
#if N_INPUTS > 2
      const JOIN(v_, C) z = LOAD(C, c, 3);
#endif
#if N_INPUTS == 1
      const JOIN(v_, OUT) result = EXPRESSION(x);
#elif N_INPUTS == 2
      const JOIN(v_, OUT) result = EXPRESSION(x, y);
#else
      const JOIN(v_, OUT) result = EXPRESSION(x, y, z);
#endif
      JOIN(store_, OUT)(out + at[0] + column * strides[0][7], strides[0][7], n, result);
    }
  }
}
