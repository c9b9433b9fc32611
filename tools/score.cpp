// `tinymlp score`: bytes -> log rows -> blocks -> scores -> writer.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <tinymlp/tinymlp.hpp>
#include <unistd.h>

#include "atomic_file.hpp"
#include "byte_source.hpp"
#include "commands.hpp"
#include "failure.hpp"
#include "logs/log_reader.hpp"
#include "model_source.hpp"
#include "plot_svg.hpp"
#include "score_writers.hpp"
#include "series.hpp"
#include "terminal.hpp"

namespace tinymlp::tools {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t block_rows = 1024;
constexpr std::size_t plot_buckets = 1024; // about one a pixel of the plot's width
constexpr double default_warn_z = 6;

double ns_since(clock::time_point start) {
  return std::chrono::duration<double, std::nano>(clock::now() - start).count();
}

struct score_options {
  std::string input;
  std::string model = "mlp_small";
  std::optional<std::string> isa;
  std::string format = "csv";
  std::string output;
  std::string plot;
  std::optional<std::string> feature_suffix;
  bool clip = false;
  bool verbose = false;
  std::optional<double> warn_z;
};

// Features far from what the network was trained on, told by its own scaler: z = (x - mean) / std.
class range_check {
public:
  range_check(const model_description& network, double limit) : network_(network), limit_(limit) {
    if (network.mean.empty())
      throw usage_error(fmt::format("--warn-range: {} has no scaler to tell the range of its "
                                    "features",
                                    network.name));
  }

  void check(const log_row& row) {
    bool outside = false;
    for (std::size_t f = 0; f < feature_count; ++f) {
      const double z = static_cast<double>((row.features[f] - network_.mean[f]) / network_.std[f]);
      if (!(std::fabs(z) > limit_)) continue; // NaN is reported by itself
      outside = true;
      if (std::fabs(z) <= std::fabs(worst_z_)) continue;
      worst_z_ = z;
      worst_feature_ = f;
      worst_row_ = row;
    }
    rows_ += outside ? 1 : 0;
  }

  void report() const {
    if (rows_ == 0) return;
    print_message(
        "warning",
        fmt::format("{} frame{} outside the training range (more than {:g} standard "
                    "deviations from the mean); the farthest: frame {}, {} = {:g}, {:+.1f}",
                    rows_, rows_ == 1 ? "" : "s", limit_, worst_row_.frame,
                    vmaf::feature_names[worst_feature_], worst_row_.features[worst_feature_],
                    worst_z_));
  }

private:
  const model_description& network_;
  double limit_;
  std::uint64_t rows_ = 0;
  double worst_z_ = 0;
  std::size_t worst_feature_ = 0;
  log_row worst_row_;
};

// Collects rows into blocks, scores each block in one call, and hands the scores on in order.
class scoring_sink final : public row_sink {
public:
  scoring_sink(const score_options& options, const model& network, const byte_source& source,
               score_writer& writer)
      : options_(options), network_(network), source_(source),
        writer_(writer), context_{network.description(), log_, source.name()} {
    block_.reserve(block_rows);
    if (options.warn_z) range_check_.emplace(network.description(), *options.warn_z);
  }

  void begin(const log_description& description) override {
    log_ = description;
    for (const std::string& note : log_.notes)
      print_message("note", fmt::format("{}: {}", source_.name(), note));
    writer_.begin(context_);
  }

  void row(const log_row& row) override {
    block_.push_back(row);
    if (block_.size() == block_rows) score_block();
  }

  void end() {
    score_block();
    progress_.clear();
    if (options_.format == "view") summary_.single_frame_ns = measure_single_frame();
    writer_.end(context_, summary_, series_);
  }

  const score_context& context() const { return context_; }
  const log_description& log() const { return log_; }
  const score_summary& summary() const { return summary_; }
  const series& scores() const { return series_; }

  void report_warnings() const {
    if (summary_.not_finite > 0)
      print_message("warning", fmt::format("{}: {} of {} frames have a NaN or infinite feature; "
                                           "their score is NaN, and so are the pooled scores",
                                           source_.name(), summary_.not_finite, summary_.rows));
    if (series_.out_of_order() > 0)
      print_message("note", fmt::format("{}: {} frame number{} not above the one before; rows stay "
                                        "in the order of the log",
                                        source_.name(), series_.out_of_order(),
                                        series_.out_of_order() == 1 ? " is" : "s are"));
    if (range_check_) range_check_->report();
  }

private:
  void score_block() {
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

  void emit(const log_row& row, float score) {
    if (options_.clip && !std::isnan(score)) score = std::clamp(score, 0.0F, 100.0F);
    const scored_frame scored{row.frame, score, row.vmaf};
    writer_.row(scored);
    series_.add(scored);
    ++summary_.rows;
    summary_.not_finite += std::isfinite(score) ? 0 : 1;
    summary_.score.add(static_cast<double>(score));
    if (!std::isnan(row.vmaf)) summary_.vmaf.add(row.vmaf);
    summary_.own.add(static_cast<double>(score), row.vmaf);
    if (range_check_) range_check_->check(row);
  }

  // What a player sees that scores a frame when it has one: the median, over a few thousand passes,
  // of the time of one pass over the first rows one call each, per call.
  double measure_single_frame() const {
    const std::size_t rows = std::min<std::size_t>(first_features_.size() / feature_count, 64);
    const std::span<const float> features(first_features_);
    std::vector<float> out(1);
    std::vector<double> passes;
    for (int pass = 0; pass < 2000; ++pass) {
      const clock::time_point start = clock::now();
      for (std::size_t r = 0; r < rows; ++r)
        network_.score(features.subspan(r * feature_count, feature_count), out);
      passes.push_back(ns_since(start) / static_cast<double>(rows));
    }
    std::nth_element(passes.begin(), passes.begin() + 1000, passes.end());
    return passes[1000];
  }

  const score_options& options_;
  const model& network_;
  const byte_source& source_;
  score_writer& writer_;
  log_description log_;
  score_context context_;
  score_summary summary_;
  series series_{plot_buckets};
  std::optional<range_check> range_check_;
  std::vector<log_row> block_;
  std::vector<float> features_, scores_, first_features_;
  progress progress_;
};

void refuse_overwriting(const score_options& options) {
  const bool output_is_file = !options.output.empty() && options.output != "-";
  if (output_is_file && same_file(options.output, options.input))
    throw usage_error("--output is the input");
  if (!options.plot.empty() && same_file(options.plot, options.input))
    throw usage_error("--plot is the input");
  if (output_is_file && (options.output == options.plot || same_file(options.output, options.plot)))
    throw usage_error("--output and --plot are the same file");
  if (options.plot == "-") throw usage_error("--plot needs the name of a file");
}

std::unique_ptr<score_writer> make_writer(const score_options& options, atomic_file& out) {
  if (options.format == "json") return make_json_writer(out);
  if (options.format == "csv") return make_csv_writer(out);
  const bool to_screen = options.output.empty() || options.output == "-";
  return make_view_writer(out, to_screen && wants_colour(STDOUT_FILENO),
                          text_columns(to_screen ? STDOUT_FILENO : -1));
}

void print_details(const scoring_sink& sink, double total_ns) {
  const model_description& m = sink.context().network;
  const log_description& log = sink.log();
  const score_summary& s = sink.summary();
  const auto line = [](std::string_view name, const std::string& value) {
    std::fputs(fmt::format("{:<11}{}\n", name, printable(value, 400)).c_str(), stderr);
  };
  line("model", m.name + (m.compiled_in ? " (compiled in)" : ""));
  line("sha256", fmt::format("{} ({} bytes)", m.sha256, m.bytes));
  line("network", fmt::format("{}: {}, {} parameters", m.network, m.shape, m.parameters));
  for (const auto& [location, sha256] : m.external)
    line("external", fmt::format("{}, sha256 {}", location, sha256));
  line("precision", m.precision);
  line("kernel", m.kernel);
  line("input", fmt::format("{}: {}{}{}", sink.context().input, log.format,
                            log.version.empty() ? "" : " ", log.version));
  std::string keys;
  for (const std::string& key : log.keys) keys += (keys.empty() ? "" : " ") + key;
  line("features", keys);
  line("own vmaf", log.has_vmaf
                       ? fmt::format("vmaf, PLCC {:.6f}, RMSE {:.4f}", s.own.plcc(), s.own.rmse())
                       : std::string("none"));
  line("frames", fmt::format("{}, {} of them without a finite score", s.rows, s.not_finite));
  line("time",
       fmt::format("{:.3f} ms in all, {:.3f} ms scoring: {:.1f} ns per frame", total_ns / 1e6,
                   s.scoring_ns / 1e6, s.scoring_ns / static_cast<double>(s.rows)));
}

void run_score(const score_options& options) {
  refuse_overwriting(options);
  const clock::time_point start = clock::now();
  const std::unique_ptr<model> network = open_model(options.model, options.isa);
  byte_source source(options.input);
  atomic_file out(options.output);
  std::optional<atomic_file> picture;
  if (!options.plot.empty()) picture.emplace(options.plot);

  const std::unique_ptr<score_writer> writer = make_writer(options, out);
  scoring_sink sink(options, *network, source, *writer);
  read_log(source, {options.feature_suffix}, sink);
  sink.end();
  if (picture) picture->write(render_plot(sink.context(), sink.summary(), sink.scores()));
  out.commit();
  if (picture) picture->commit();
  sink.report_warnings();
  if (options.verbose) print_details(sink, ns_since(start));
}

constexpr const char* footer =
    R"(INPUT is a libvmaf log in JSON, XML or CSV, or any CSV whose header names the columns adm2,
vif_scale0, vif_scale1, vif_scale2, vif_scale3 and motion2 (alone, or as libvmaf spells them:
integer_adm2, float_adm2, VMAF_integer_feature_adm2_score); "-" is standard input. The format is
told by the content.

A frame whose features are NaN, infinite or null scores NaN (null in JSON) and is counted in a
warning; so are the pooled scores then. Everything else that is missing or malformed ends the
run with exit status 1, and an existing output file stays as it was.

Examples:
  tinymlp score vmaf.json
  tinymlp score --model mlp_large --format json --output scores.json vmaf.xml
  tinymlp score --model mine.onnx --plot scores.svg --clip vmaf.csv
  zcat features.csv.gz | tinymlp score - > scores.csv
)";

} // namespace

void add_score_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("score", "Score the frames of a libvmaf log or a CSV");
  auto options = std::make_shared<score_options>();
  command
      ->add_option("--model", options->model,
                   "Network: " + compiled_in_names() + ", or an ONNX file of one of these shapes")
      ->type_name("NAME|FILE")
      ->capture_default_str();
  command
      ->add_option("--isa", options->isa,
                   "Instruction set: " + isa_names() +
                       "; the best that this machine has by default")
      ->type_name("NAME");
  command
      ->add_option("--format", options->format, "csv, json (libvmaf's layout), or view (a chart)")
      ->type_name("NAME")
      ->check(CLI::IsMember({"csv", "json", "view"}))
      ->capture_default_str();
  command->add_option("--output", options->output, "Write here, whole or not at all")
      ->type_name("FILE");
  command->add_option("--plot", options->plot, "Draw score over frames as SVG")->type_name("FILE");
  command->add_flag("--clip", options->clip, "Clip scores to [0, 100]");
  command
      ->add_option("--feature-suffix", options->feature_suffix,
                   "Take the features with this suffix, such as _egl_1 (NEG); \"\" for none")
      ->type_name("TEXT");
  command
      ->add_option("--warn-range", options->warn_z,
                   "Warn of features more than Z standard deviations from the training mean "
                   "(6 when not given)")
      ->type_name("Z")
      ->expected(0, 1)
      ->default_str(fmt::format("{:g}", default_warn_z))
      ->check(CLI::PositiveNumber);
  command->add_flag(
      "--verbose", options->verbose,
      "Say on standard error which file, hash, precision, kernel and columns were used");
  command->add_option("INPUT", options->input, "Log or CSV; - for standard input")->required();
  command->footer(footer);
  command->callback([options] { run_score(*options); });
}

} // namespace tinymlp::tools
