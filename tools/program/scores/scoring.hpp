// Rows in, scores out: the stage of `tinymlp score` between the log and the writer.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "system/byte_source.hpp"
#include "logs/log_reader.hpp"
#include "models/model.hpp"
#include "scores/score_writer.hpp"
#include "scores/series.hpp"
#include "system/terminal.hpp"

namespace tinymlp::tools {

// Features far from what a network was trained on, told by its own scaler: z = (x - mean) / std.
class range_check {
public:
  // `limit`: the largest |z| that passes unmentioned. Throws usage_error for a network without a
  // scaler, which cannot tell.
  range_check(const model_description& network, double limit);
  void check(const log_row& row);
  // One warning on standard error, if there is anything to warn of.
  void report(std::string_view input) const;

private:
  const model_description& network_;
  double limit_;
  std::uint64_t rows_ = 0;
  double worst_z_ = 0;
  std::size_t worst_feature_ = 0;
  log_row worst_row_;
};

// Frames outside the region over which the shipped networks were verified.
class region_check {
public:
  explicit region_check(const model_description& network);
  void check(const log_row& row);
  // One warning on standard error, if there is anything to warn of. `rows`: all that were scored.
  void report(std::string_view input, std::uint64_t rows) const;

private:
  bool is_int8_; // the search that verified was of float32 networks
  std::uint64_t rows_ = 0;
  log_row first_;
};

enum class clipping { automatic, always, never }; // automatic: a shipped network's scores

struct scoring_options {
  clipping clip = clipping::automatic;
  bool warn_region = true; // of a shipped network
  bool measure = false;    // time single frames and batches, for score_summary
  double warn_z = 0;       // see range_check; 0 for none
};

// Collects rows into blocks, scores each block in one call, and hands the scores on in order.
class scoring_sink final : public row_sink {
public:
  scoring_sink(const scoring_options& options, const model& network, const byte_source& source,
               score_writer& writer);

  void begin(const log_description& description) override;
  void row(const log_row& row) override;
  void note(const std::string& text) override;
  void idle() override;
  // After the last row.
  void end();

  bool has_begun() const noexcept { return has_begun_; }
  const score_context& context() const noexcept { return context_; }
  const score_summary& summary() const noexcept { return summary_; }
  const series& scores() const noexcept { return series_; }
  void report_warnings() const;

private:
  void score_block();
  void emit(const log_row& row, float score);
  double measure_single_frame() const;
  double measure_batch() const;

  scoring_options options_;
  bool clip_;
  bool has_begun_ = false; // a log that is followed may give way to another
  const model& network_;
  const byte_source& source_;
  score_writer& writer_;
  log_description log_;
  score_context context_;
  score_summary summary_;
  series series_;
  std::optional<range_check> range_check_;
  std::optional<region_check> region_check_;
  std::vector<log_row> block_;
  std::vector<float> features_, scores_, first_features_;
  progress progress_;
};

} // namespace tinymlp::tools
