// Columns through a network, by the Arrow C data interface.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/network.hpp"

namespace tinymlp::python {

// Scores of all rows of a table, float32 [rows, outputs], once and for all: shared by whoever it is
// handed to.
class scores_column {
public:
  scores_column(std::shared_ptr<float> values, std::size_t rows, std::size_t outputs,
                bool is_scalar)
      : values_(std::move(values)), rows_(rows), outputs_(outputs), is_scalar_(is_scalar) {}

  std::size_t rows() const noexcept { return rows_; }
  nb::object to_numpy() const;
  // Capsules of the Arrow PyCapsule interface: float, or a fixed-size list of them.
  nb::object arrow_schema() const;
  nb::tuple arrow_array() const;
  nb::object arrow_stream() const;

private:
  std::shared_ptr<float> values_;
  std::size_t rows_, outputs_;
  bool is_scalar_;
};

// Scores the rows of what the capsules hold: a stream of record batches (`stream`, then `array` is
// None), or one (`array`, of the schema `stream`). `names`: the columns of the network's features,
// in order. Nulls are NaN; integers and doubles are rounded to the nearest float32. Raises
// TypeError and ValueError, naming the column.
scores_column score_columns(const network& net, nb::handle stream, nb::handle array,
                            const std::vector<std::string>& names, std::size_t threads);

} // namespace tinymlp::python
