// Rows of features for a network of any shape, out of a CSV.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tinymlp/onnx.hpp>

#include "system/byte_source.hpp"

namespace tinymlp::tools {

// A graph input: `count` columns, which are the features from `first` on where it is used.
struct feature_group {
  std::string name;
  std::size_t first = 0, count = 0;
  bool used = true;
};
std::vector<feature_group> feature_groups(const onnx::plan& plan);

// Takes the rows in the order of the file.
class feature_sink {
public:
  virtual ~feature_sink() = default;
  // `where`: "rows.csv:17".
  virtual void row(std::span<const float> features, const std::string& where) = 0;
  // What a person should know of the file, that is not an error.
  virtual void note(const std::string& text) = 0;
  // More rows may take a while: the source is a pipe that is empty for now.
  virtual void idle() {}
};

// Which column holds each feature.
//
// A first line of numbers only is a row: columns go by position, all graph inputs in order, those
// that are not used included. Else it is a header, which names the columns of each used input x:
// `x.0`, `x.1`, ..., or `x` where it is one; others are skipped. The six features of a frame may
// be called adm2, vif_scale0 to vif_scale3 and motion2. A header that names none of these, of as
// many columns as the only input has, tells nothing: columns go by position.
class feature_columns {
public:
  // Throws failure, naming `where` and the columns that are missing, superfluous or there twice.
  feature_columns(std::span<const feature_group> groups, std::span<const std::string_view> first,
                  const std::string& where);

  bool has_header() const noexcept { return has_header_; }
  std::size_t cells() const noexcept { return cells_; }                        // in a row
  std::span<const std::size_t> columns() const noexcept { return columns_; }   // of each feature
  std::string_view name(std::size_t feature) const { return names_[feature]; } // "obs.3"

private:
  void take_positions(std::span<const feature_group> groups);
  bool take_names(std::span<const std::string> wanted, std::span<const std::string_view> header,
                  const std::string& where);

  bool has_header_ = false;
  std::size_t cells_ = 0;
  std::vector<std::size_t> columns_;
  std::vector<std::string> names_;
};

// Reads `source` to its end in constant memory. Throws failure, naming line and column, at the
// first thing that is wrong; rows before it have been handed on by then.
void read_feature_rows(byte_source& source, std::span<const feature_group> groups,
                       feature_sink& sink);

} // namespace tinymlp::tools
