// The outputs of a network over rows of features, as CSV or JSON lines: the sink of `tinymlp run`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "system/atomic_file.hpp"
#include "system/byte_source.hpp"
#include "logs/feature_rows.hpp"
#include "models/model.hpp"
#include "scores/series.hpp"
#include "system/terminal.hpp"

namespace tinymlp::tools {

// Collects rows into blocks, computes each in one call, and writes the outputs in order.
class output_writer final : public feature_sink {
public:
  // `plotted`: of how many outputs, the first ones, a series is kept.
  output_writer(const model& network, const byte_source& source, bool as_json, std::size_t plotted,
                atomic_file& out);

  void row(std::span<const float> features, const std::string& where) override;
  void note(const std::string& text) override;
  void idle() override;
  // After the last row.
  void end();

  std::span<const std::string> names() const noexcept { return names_; }
  std::span<const series> plotted() const noexcept { return series_; }
  std::uint64_t rows() const noexcept { return rows_; }
  void report_warnings() const;

private:
  void write_header();
  void run_block();
  void write_row(std::span<const float> values);
  void write_number(float value);

  const model& network_;
  std::size_t inputs_, outputs_, block_rows_ = 1;
  bool as_json_;
  const byte_source& source_;
  atomic_file& out_;
  std::vector<std::string> names_;
  std::vector<series> series_;
  std::vector<float> features_, values_;
  fmt::memory_buffer line_;
  progress progress_;
  std::uint64_t rows_ = 0, not_finite_ = 0;
};

} // namespace tinymlp::tools
