#include "scores/scoring.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include <fmt/format.h>
#include <tinymlp/tinymlp.hpp>

#include "onnx/plan_parts.hpp"
#include "system/failure.hpp"

namespace tinymlp::tools {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t block_rows = 1024;
constexpr std::size_t plot_buckets = 1024; // about one a pixel of the plot's width

double ns_since(clock::time_point start) {
  return std::chrono::duration<double, std::nano>(clock::now() - start).count();
}

// The median time of a pass over many, caches warm.
template <class Pass> double median_pass_ns(Pass&& pass) {
  constexpr double enough_ns = 3e7;
  constexpr std::size_t most_passes = 2000;
  std::vector<double> passes;
  double spent_ns = 0;
  while (passes.size() < most_passes && (spent_ns < enough_ns || passes.empty())) {
    const clock::time_point start = clock::now();
    pass();
    passes.push_back(ns_since(start));
    spent_ns += passes.back();
  }
  const auto middle = passes.begin() + static_cast<std::ptrdiff_t>(passes.size() / 2);
  std::nth_element(passes.begin(), middle, passes.end());
  return *middle;
}

} // namespace

range_check::range_check(const model_description& network, double limit)
    : network_(network), limit_(limit) {
  if (network.mean.empty())
    throw usage_error(
        fmt::format("--warn-range: {} has no scaler, which would tell the range of its features",
                    network.name));
}

void range_check::check(const log_row& row) {
  bool outside = false;
  for (std::size_t f = 0; f < feature_count; ++f) {
    const auto z = static_cast<double>((row.features[f] - network_.mean[f]) / network_.std[f]);
    if (!(std::fabs(z) > limit_)) continue; // NaN is reported by itself
    outside = true;
    if (std::fabs(z) <= std::fabs(worst_z_)) continue;
    worst_z_ = z;
    worst_feature_ = f;
    worst_row_ = row;
  }
  rows_ += outside ? 1 : 0;
}

void range_check::report(std::string_view input) const {
  if (rows_ == 0) return;
  print_message("warning",
                fmt::format("{}: {} frame{} outside the training range (more than {:g} standard "
                            "deviations from the mean); the farthest: frame {}, {} = {:g}, {:+.1f}",
                            input, rows_, rows_ == 1 ? "" : "s", limit_, worst_row_.frame,
                            vmaf::feature_names[worst_feature_],
                            worst_row_.features[worst_feature_], worst_z_));
}

region_check::region_check(const model_description& network)
    : is_int8_(network.precision != precision_text(onnx::quant_mode::fp32)) {}

void region_check::check(const log_row& row) {
  const bool finite = std::all_of(row.features.begin(), row.features.end(),
                                  [](float feature) { return std::isfinite(feature); });
  if (!finite) return; // reported by itself
  if (vmaf::in_verified_region(vmaf::features::from_row(row.features))) return;
  if (rows_++ == 0) first_ = row;
}

void region_check::report(std::string_view input, std::uint64_t rows) const {
  if (rows_ == 0) return;
  print_message("warning",
                fmt::format("{}: {} of {} frames {} outside the region in which the network{} was "
                            "verified, and may score far from libvmaf; the first: frame {}",
                            input, rows_, rows, rows_ == 1 ? "lies" : "lie",
                            is_int8_ ? "'s float32 form" : "", first_.frame));
}

scoring_sink::scoring_sink(const scoring_options& options, const model& network,
                           const byte_source& source, score_writer& writer)
    : options_(options),
      clip_(options.clip == clipping::always ||
            (options.clip == clipping::automatic && network.description().compiled_in)),
      network_(network), source_(source),
      writer_(writer), context_{network.description(), log_, source.name(), clip_},
      series_(plot_buckets) {
  block_.reserve(block_rows);
  if (options.warn_z > 0) range_check_.emplace(network.description(), options.warn_z);
  if (options.warn_region && !network.description().predicts.empty())
    region_check_.emplace(network.description());
}

void scoring_sink::begin(const log_description& description) {
  log_ = description;
  if (log_.has_vmaf && !compares(context_)) note(why_not_compared(context_));
  if (!has_begun_) writer_.begin(context_);
  has_begun_ = true;
}

void scoring_sink::note(const std::string& text) {
  progress_.clear();
  print_message("note", fmt::format("{}: {}", source_.name(), text));
}

void scoring_sink::row(const log_row& row) {
  block_.push_back(row);
  if (block_.size() == block_rows) score_block();
}

void scoring_sink::idle() {
  score_block();
  progress_.clear(); // for what comes stands on the same terminal, maybe
  writer_.idle();
}

void scoring_sink::end() {
  score_block();
  progress_.clear();
  if (options_.measure) {
    summary_.single_frame_ns = measure_single_frame();
    summary_.batch_frame_ns = measure_batch();
  }
  writer_.end(context_, summary_, series_);
}

void scoring_sink::score_block() {
  if (block_.empty()) return;
  features_.clear();
  for (const log_row& row : block_)
    features_.insert(features_.end(), row.features.begin(), row.features.end());
  scores_.resize(block_.size());
  const clock::time_point start = clock::now();
  network_.score(features_, scores_);
  summary_.scoring_ns += ns_since(start);
  for (std::size_t i = 0; i < block_.size(); ++i) emit(block_[i], scores_[i]);
  if (first_features_.empty()) first_features_ = features_;
  block_.clear();
  progress_.update(summary_.rows, source_.position(), source_.size());
}

void scoring_sink::emit(const log_row& row, float score) {
  const scored_frame scored{row.frame, clip_ ? vmaf::clip(score) : score, row.vmaf};
  const auto value = static_cast<double>(scored.score);
  writer_.row(scored);
  series_.add(scored);
  ++summary_.rows;
  summary_.not_finite += std::isfinite(value) ? 0 : 1;
  summary_.score.add(value);
  if (!std::isnan(row.vmaf)) summary_.vmaf.add(row.vmaf);
  summary_.own.add(value, row.vmaf);
  if (range_check_) range_check_->check(row);
  if (region_check_) region_check_->check(row);
}

// A call by itself: each waits for the score before it, as in a player's loop that acts on it.
double scoring_sink::measure_single_frame() const {
  const std::size_t calls = std::min<std::size_t>(first_features_.size() / feature_count, 64);
  std::array<float, feature_count> row{};
  float score = 0;
  const double pass_ns = median_pass_ns([&] {
    for (std::size_t call = 0; call < calls; ++call) {
      std::copy_n(first_features_.begin() + static_cast<std::ptrdiff_t>(call * feature_count),
                  feature_count, row.begin());
      row[0] += 0 * score; // the same row, but only known once the score is
      score = network_.score_row(row.data());
    }
  });
  return pass_ns / static_cast<double>(calls);
}

double scoring_sink::measure_batch() const {
  const std::size_t rows = first_features_.size() / feature_count;
  std::vector<float> scores(rows);
  const double pass_ns = median_pass_ns([&] { network_.score(first_features_, scores); });
  return pass_ns / static_cast<double>(rows);
}

void scoring_sink::report_warnings() const {
  if (summary_.not_finite > 0)
    print_message(
        "warning",
        fmt::format("{}: {} of {} frames have no finite score, because of NaN, infinite or huge "
                    "features; the pooled scores are NaN",
                    source_.name(), summary_.not_finite, summary_.rows));
  if (series_.out_of_order() > 0)
    print_message("note",
                  fmt::format("{}: {} frame number{} not above the one before; rows stay in the "
                              "order of the log",
                              source_.name(), series_.out_of_order(),
                              series_.out_of_order() == 1 ? " is" : "s are"));
  if (range_check_) range_check_->report(source_.name());
  if (region_check_) region_check_->report(source_.name(), summary_.rows);
}

} // namespace tinymlp::tools
