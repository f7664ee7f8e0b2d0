// Rows of a table at given indices, which are clamped to the table: nothing read lies outside.
// Given: KERNEL, the element type T (by size alone) and INDEX; the table has at least one row.

WORK_GROUP __kernel void KERNEL(
    __global T *out, const long out_offset,
    __global const T *table, const long table_offset, const long row_stride, const long n_rows,
    __global const INDEX *indices, const long indices_offset, const long n_indices,
    const long n_columns) {
  const Share picks = share(n_indices, 1, 1), columns = share(n_columns, W, 0);
  for (long pick = picks.begin; pick < picks.end; pick += picks.step) {
    const long row = clamp_index(indices[indices_offset + pick], n_rows);
    __global const T *from = table + table_offset + row * row_stride;
    __global T *to = out + out_offset + pick * n_columns;
    for (long column = columns.begin; column < columns.end; column += columns.step) {
      const int n = lanes_left(columns.end - column);
      JOIN(store_, T)(to + column, 1, n, JOIN(load_, T)(from + column, 1, n));
    }
  }
}
