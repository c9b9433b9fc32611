// Rows in, columns out, for the kernels of many rows. Included once before them.

// The columns of a vector of rows of six floats. Each group of four rows is six quads of a vector,
// in a 128-bit lane of `m`: ops::load_sixes(), and from there on all shuffles stay within lanes.
TINYMLP_INLINE void six_columns(const float* rows, typename ops::v::reg (&column)[6]) {
  using v = typename ops::v;
  typename v::reg m[6];
  ops::load_sixes(rows, m); // abcd|efAB|CDEF of a pair of rows abcdef, ABCDEF; then the next pair
  const auto abAB = v::low_high(m[0], m[1]), next_abAB = v::low_high(m[3], m[4]);
  const auto cdCD = v::high_low(m[0], m[2]), next_cdCD = v::high_low(m[3], m[5]);
  const auto efEF = v::low_high(m[1], m[2]), next_efEF = v::low_high(m[4], m[5]);
  column[0] = v::even(abAB, next_abAB), column[1] = v::odd(abAB, next_abAB);
  column[2] = v::even(cdCD, next_cdCD), column[3] = v::odd(cdCD, next_cdCD);
  column[4] = v::even(efEF, next_efEF), column[5] = v::odd(efEF, next_efEF);
}

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
    } else if constexpr (n == 6) { // of VMAF, say
      typename v::reg column[6];
      six_columns(from, column);
      TINYMLP_UNROLL for (std::size_t i = 0; i < 6; ++i)
          v::store(x + (i * R + r) * v::lanes, column[i]);
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

// Rows that are left over, and zeros up to `vectors` vectors of rows. Stored in whole vectors, for
// loads of such wait long for what lies there in pieces.
template <std::size_t Inputs>
TINYMLP_INLINE void rows_padded(const float* rows, std::size_t count, std::size_t vectors,
                                float* to) {
  using v = typename ops::v;
  const std::size_t end = count * Inputs;
  for (std::size_t i = 0; i < vectors * Inputs * v::lanes; i += v::lanes) {
    const std::size_t begin = i < end ? i : end;
    v::store(to + i, v::load_first(rows + begin, end - begin));
  }
}

// Rows that are due in 4 KiB or so, and the place of their scores: small networks read rows faster
// than some CPUs fetch them on their own. Asks for Rows of them, in Parts, for only so many lines
// can be on their way at once.
template <std::size_t Inputs, std::size_t Rows> struct rows_ahead {
  static constexpr std::size_t distance = 4096 / sizeof(float) / Inputs;
  const float* rows;
  const float* scores;
  bool any;
  // `rest`: rows from `rows` to the end.
  TINYMLP_INLINE rows_ahead(const float* from, const float* to, std::size_t rest)
      : rows(from), scores(to), any(rest >= distance + Rows) {
    if (any) rows += distance * Inputs, scores += distance;
  }
  template <std::size_t Part, std::size_t Parts> TINYMLP_INLINE void prefetch() const {
    constexpr std::size_t line = 64 / sizeof(float), step = line * Parts;
    if (!any) return;
    for (std::size_t i = Part * line; i < Rows * Inputs; i += step) ops::prefetch(rows + i);
    for (std::size_t i = Part * line; i < Rows; i += step) ops::prefetch(scores + i);
  }
};

// Whether the activations of a block fit buffers on the stack; else rows are scored singly.
template <class Shape> inline constexpr bool rows_fit = widest_layer<Shape> <= 1024;
// Vectors of rows in a block: `most`, where that takes little of the stack.
template <class Shape> constexpr std::size_t rows_vectors(std::size_t most) noexcept {
  return widest_layer<Shape> <= 256 ? most : 1;
}
