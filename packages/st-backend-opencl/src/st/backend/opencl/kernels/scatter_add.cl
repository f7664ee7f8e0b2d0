// Zeros, then each row of updates added to the row its (clamped) index names. Each work-item owns
// some rows and columns of the output and walks all updates in order, so the result is the same
// for any number of threads. Given: KERNEL, the element type T and INDEX; n_rows is at least one.

WORK_GROUP __kernel void KERNEL(
    __global T *out, const long out_offset, const long n_rows,
    __global const INDEX *indices, const long indices_offset, const long n_indices,
    __global const T *updates, const long updates_offset, const long n_columns) {
  const Share columns = share(n_columns, W, 0);
  const long size = get_global_size(1), id = get_global_id(1);
  const long first = n_rows * id / size, last = n_rows * (id + 1) / size;
  out += out_offset;
  updates += updates_offset;
  for (long column = columns.begin; column < columns.end; column += columns.step) {
    const int n = lanes_left(columns.end - column);
    for (long row = first; row < last; ++row)
      JOIN(store_, T)(out + row * n_columns + column, 1, n, (JOIN(v_, T))(0));
    for (long i = 0; i < n_indices; ++i) {
      const long row = clamp_index(indices[indices_offset + i], n_rows);
      if (row < first || row >= last) continue;
      __global T *to = out + row * n_columns + column;
      const JOIN(v_, T) update = JOIN(load_, T)(updates + i * n_columns + column, 1, n);
      JOIN(store_, T)(to, 1, n, JOIN(load_, T)(to, 1, n) + update);
    }
  }
}
