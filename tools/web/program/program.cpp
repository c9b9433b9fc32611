// What the page and scoreLog() ask of the program's rooms: the scores of a log with all that
// `tinymlp score` tells of them, the outputs of any network over a CSV, a model looked into.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../engine/export.hpp"
#include "../engine/report.hpp"
#include "host.hpp"
#include "logs/log_reader.hpp"
#include "models/model.hpp"
#include "onnx/inspection.hpp"
#include "pictures/score_plot.hpp"
#include "scores/scoring.hpp"
#include "system/atomic_file.hpp"
#include "system/failure.hpp"
#include "writers/output_writer.hpp"
#include "writers/score_writers.hpp"

using namespace tinymlp::tools;

namespace {

tinymlp::web::report told;

// A name is a shipped network's, else a file's.
std::unique_ptr<model> open_network(const std::string& name, const std::string& output_name) {
  std::unique_ptr<model> found = make_compiled_in(name, std::nullopt);
  return found != nullptr ? std::move(found)
                          : make_model(read_onnx_file(name, output_name), std::nullopt, "");
}

// Keeps all rows: the page draws them, and writers may be asked for later.
class row_keeper final : public score_writer {
public:
  std::vector<double> frames, own;
  std::vector<float> scores;
  void begin(const score_context&) override {}
  void row(const scored_frame& row) override {
    frames.push_back(static_cast<double>(row.frame));
    scores.push_back(row.score);
    own.push_back(row.vmaf);
  }
  void end(const score_context&, const score_summary&, const series&) override {}
  scored_frame at(std::size_t i) const {
    return {static_cast<std::int64_t>(frames[i]), scores[i], own[i]};
  }
};

// One run of `score`, kept for what is asked afterwards. The sink refers to all that stands before
// it.
struct scored_log {
  std::unique_ptr<model> network;
  byte_source source;
  row_keeper rows;
  scoring_sink sink;
  scored_log(std::unique_ptr<model> from, const std::string& input, const scoring_options& options)
      : network(std::move(from)), source(input), sink(options, *network, source, rows) {}
};
std::optional<scored_log> scored;

// The outputs as numbers beside the text that a writer makes of them.
class output_keeper final : public feature_sink {
public:
  output_keeper(const model& network, output_writer& writer) : network_(network), writer_(writer) {}
  std::vector<float> values;
  void row(std::span<const float> features, const std::string& where) override {
    values.resize(values.size() + network_.description().outputs);
    network_.score(features, std::span(values).last(network_.description().outputs));
    writer_.row(features, where);
  }
  void note(const std::string& text) override { writer_.note(text); }

private:
  const model& network_;
  output_writer& writer_;
};
std::vector<float> outputs;

std::string_view view_of(const char* text, std::size_t size) { return {text, size}; }

void tell_pooled(const pooling& p) {
  for (const double value : {p.min(), p.max(), p.mean(), p.harmonic_mean()}) told.number(value);
}

// Of the finite values or, as all that is pooled, NaN: linear between ranks, as NumPy's.
void tell_percentiles(std::vector<double> values, bool valid) {
  std::sort(values.begin(), values.end());
  for (const double share : {0.01, 0.05, 0.10}) {
    if (!valid || values.empty()) {
      told.number(std::numeric_limits<double>::quiet_NaN());
      continue;
    }
    const double at = share * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const double low = values[below], high = values[std::min(below + 1, values.size() - 1)];
    told.number(low + (high - low) * (at - static_cast<double>(below)));
  }
}

void tell_network(const model_description& of) {
  for (const std::string& text : {of.name, of.predicts, of.network, of.shape, of.precision,
                                  of.kernel, of.sha256, of.output_name})
    told.text(text);
  for (const std::size_t number : {of.parameters, of.inputs, of.outputs, of.bytes})
    told.number(static_cast<double>(number));
  told.number(of.compiled_in ? 1 : 0);
}

void tell_log(const log_description& log) {
  for (const std::string& text : {log.format, log.version, log.model, log.own_key, log.own_model})
    told.text(text);
  told.number(log.has_vmaf ? 1 : 0);
  for (const std::string& key : log.keys) told.text(key);
}

} // namespace

TINYMLP_EXPORT(allocate) char* allocate(std::size_t size) {
  return static_cast<char*>(::operator new(size));
}
TINYMLP_EXPORT(told) const char* told_data() { return told.data(); }

// Scores the log `input` by the network `name`. Clipping: 0 for shipped networks, 1 always, 2
// never. A suffix or an own key that is null was not asked for.
TINYMLP_EXPORT(score_log)
void score_log(const char* input, std::size_t input_size, const char* name, std::size_t name_size,
               const char* output, std::size_t output_size, std::uint32_t clip, const char* suffix,
               std::size_t suffix_size, const char* own, std::size_t own_size) {
  scoring_options scoring;
  scoring.clip = static_cast<clipping>(clip);
  log_options options;
  if (suffix != nullptr) options.feature_suffix = view_of(suffix, suffix_size);
  if (own != nullptr) options.own_score = view_of(own, own_size);
  std::unique_ptr<model> network = open_network(std::string(view_of(name, name_size)),
                                                std::string(view_of(output, output_size)));
  require_scores_of_frames(network->description());
  scored.emplace(std::move(network), std::string(view_of(input, input_size)), scoring);
  read_log(scored->source, options, scored->sink);
  scored->sink.end();
  scored->sink.report_warnings();

  const auto& [of, log, name_of_input, clipped] = scored->sink.context();
  const score_summary& summary = scored->sink.summary();
  told.clear();
  tell_network(of);
  tell_log(log);
  told.number(clipped ? 1 : 0);
  told.number(compares(scored->sink.context()) ? 1 : 0);
  told.number(static_cast<double>(scored->sink.scores().typical_step()));
  tell_pooled(summary.score);
  tell_percentiles({scored->rows.scores.begin(), scored->rows.scores.end()},
                   summary.not_finite == 0);
  tell_pooled(summary.vmaf);
  std::vector<double> theirs;
  for (const double value : scored->rows.own)
    if (!std::isnan(value)) theirs.push_back(value);
  tell_percentiles(std::move(theirs), std::isfinite(summary.vmaf.mean()));
  told.number(summary.own.plcc());
  told.number(summary.own.rmse());
  told.number(static_cast<double>(summary.not_finite));
  told.number(static_cast<double>(summary.rows));
}

// Of the log that was scored last: frame numbers and the log's own scores as doubles, scores as
// floats.
TINYMLP_EXPORT(frames) const double* frames() { return scored->rows.frames.data(); }
TINYMLP_EXPORT(own) const double* own() { return scored->rows.own.data(); }
TINYMLP_EXPORT(scores) const float* scores() { return scored->rows.scores.data(); }

// What `tinymlp score` prints: format 0 is CSV, 1 JSON, 2 the picture of --plot.
TINYMLP_EXPORT(write_scores) void write_scores(std::uint32_t format) {
  atomic_file out("-");
  if (format == 2) {
    out.write(render_plot(scored->sink.context(), scored->sink.summary(), scored->sink.scores()));
    return out.flush();
  }
  const std::unique_ptr<score_writer> writer =
      format == 0 ? make_csv_writer(out) : make_json_writer(out);
  writer->begin(scored->sink.context());
  for (std::size_t i = 0; i < scored->rows.scores.size(); ++i) writer->row(scored->rows.at(i));
  writer->end(scored->sink.context(), scored->sink.summary(), scored->sink.scores());
  out.flush();
}

// The outputs of the network `name` for the rows of the CSV `input`; writes them as CSV.
TINYMLP_EXPORT(run_rows)
void run_rows(const char* input, std::size_t input_size, const char* name, std::size_t name_size,
              const char* output, std::size_t output_size) {
  const std::unique_ptr<model> network = open_network(std::string(view_of(name, name_size)),
                                                      std::string(view_of(output, output_size)));
  byte_source source(std::string(view_of(input, input_size)));
  atomic_file out("-");
  output_writer writer(*network, source, false, 0, out);
  output_keeper keeper(*network, writer);
  read_feature_rows(source, network->description().groups, keeper);
  writer.end();
  out.flush();
  writer.report_warnings();
  outputs = std::move(keeper.values);
  told.clear();
  tell_network(network->description());
  for (const std::string& each : writer.names()) told.text(each);
  told.number(static_cast<double>(writer.rows()));
}
// Of the last run_rows(), row by row.
TINYMLP_EXPORT(values) const float* values() { return outputs.data(); }

// Writes what `tinymlp inspect` prints.
TINYMLP_EXPORT(inspect)
void inspect(const char* name, std::size_t name_size, const char* output, std::size_t output_size) {
  atomic_file out("-");
  out.write(inspection_of(read_onnx_file(std::string(view_of(name, name_size)),
                                         std::string(view_of(output, output_size)))));
  out.flush();
}
