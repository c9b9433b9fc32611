// Rows in, columns out, for the kernels of many rows. Included once before them.

// Columns of R vectors of rows: rows [R * lanes][Inputs] -> x [Inputs][R vectors].
template <std::size_t Inputs, std::size_t R>
TINYMLP_INLINE void rows_columns(const float* rows, float* x) {
  using v = typename ops::v;
  constexpr std::size_t n = Inputs;
  TINYMLP_UNROLL for (std::size_t r = 0; r < R; ++r) {
    const float* from = rows + r * v::lanes * n;
    if constexpr (n < 4) {
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < v::lanes; ++j) x[(i * R + r) * v::lanes + j] = from[j * n + i];
    } else {
      // Four at a time; the last four overlap those before them rather than the next row.
      for (std::size_t i = 0; i < n; i += 4) {
        typename v::reg column[4];
        const std::size_t begin = i + 4 <= n ? i : n - 4;
        ops::load_columns(from + begin, n, column);
        TINYMLP_UNROLL for (std::size_t j = 0; j < 4; ++j)
            v::store(x + ((begin + j) * R + r) * v::lanes, column[j]);
      }
    }
  }
}

// Whether the activations of a block fit buffers on the stack; else rows are scored singly.
template <class Shape> inline constexpr bool rows_fit = widest_layer<Shape> <= 1024;
