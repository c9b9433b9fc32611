#include "rows.hpp"

#include <iterator>
#include <map>
#include <vector>

#include "corpus_rows.h"

namespace tinymlp::bench {

static_assert(std::size(corpus_rows) == distinct_rows);
static_assert(std::size(corpus_rows[0]) == row_width);

std::span<const float> rows_to_score(std::size_t count) {
  static std::map<std::size_t, std::vector<float>> kept;
  std::vector<float>& rows = kept[count];
  rows.reserve(count * row_width);
  for (std::size_t r = rows.size() / row_width; r < count; ++r) {
    const float* from = corpus_rows[r % distinct_rows];
    rows.insert(rows.end(), from, from + row_width);
  }
  return rows;
}

} // namespace tinymlp::bench
