#include "writers/score_writers.hpp"

#include <cmath>
#include <iterator>
#include <string>

#include <fmt/format.h>

#include "system/json.hpp"
#include "system/text.hpp"
#include "system/version.hpp"

namespace tinymlp::tools {

namespace {

class csv_writer final : public score_writer {
public:
  explicit csv_writer(atomic_file& out) : out_(out) {}

  void begin(const score_context&) override { out_.write("frame,score\n"); }

  void row(const scored_frame& row) override {
    line_.clear();
    if (std::isnan(row.score))
      fmt::format_to(std::back_inserter(line_), "{},nan\n", row.frame);
    else
      fmt::format_to(std::back_inserter(line_), "{},{:.9g}\n", row.frame, row.score);
    out_.write({line_.data(), line_.size()});
  }

  void idle() override { out_.flush(); }
  void end(const score_context&, const score_summary&, const series&) override {}

private:
  atomic_file& out_;
  fmt::memory_buffer line_;
};

std::string json_number(double value) {
  return std::isfinite(value) ? fmt::format("{:.9g}", value) : std::string("null");
}

// The log's own digits, as few as give the same double.
std::string shortest(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : std::string("null");
}

std::string json_string(std::string_view text) { return json(to_utf8(text)).dump(); }

class json_writer final : public score_writer {
public:
  explicit json_writer(atomic_file& out) : out_(out) {}

  void begin(const score_context& context) override {
    const std::string& key = context.log.own_key;
    if (context.log.has_vmaf)
      own_key_ = json_string(key == score_key ? "tinymlp_vmaf_of_log" : key);
    const model_description& m = context.network;
    out_.write(fmt::format("{{\n"
                           "  \"version\": \"tinymlp {}\",\n"
                           "  \"model\": {{\n"
                           "    \"name\": {},\n"
                           "    \"sha256\": \"{}\",\n"
                           "    \"network\": \"{}\",\n"
                           "    \"precision\": \"{}\",\n"
                           "    \"kernel\": \"{}\",\n"
                           "    \"predicts\": {},\n"
                           "    \"clipped\": {}\n"
                           "  }},\n"
                           "  \"frames\": [",
                           version, json_string(m.name), m.sha256, m.shape, m.precision, m.kernel,
                           m.predicts.empty() ? std::string("null") : json_string(m.predicts),
                           context.clipped));
  }

  void row(const scored_frame& row) override {
    const std::string own =
        own_key_.empty() ? "" : fmt::format(",\n        {}: {}", own_key_, shortest(row.vmaf));
    out_.write(fmt::format("{}\n    {{\n"
                           "      \"frameNum\": {},\n"
                           "      \"metrics\": {{\n"
                           "        \"{}\": {}{}\n"
                           "      }}\n    }}",
                           first_ ? "" : ",", row.frame, score_key,
                           json_number(static_cast<double>(row.score)), own));
    first_ = false;
  }

  void idle() override { out_.flush(); }
  void end(const score_context&, const score_summary& summary, const series&) override {
    out_.write("\n  ],\n  \"pooled_metrics\": {\n");
    write_pooled(fmt::format("\"{}\"", score_key), summary.score);
    if (!own_key_.empty()) {
      out_.write(",\n");
      write_pooled(own_key_, summary.vmaf);
    }
    out_.write("\n  },\n  \"aggregate_metrics\": {\n  }\n}\n");
  }

private:
  void write_pooled(std::string_view key, const pooling& pooled) {
    out_.write(fmt::format("    {}: {{\n"
                           "      \"min\": {},\n"
                           "      \"max\": {},\n"
                           "      \"mean\": {},\n"
                           "      \"harmonic_mean\": {}\n"
                           "    }}",
                           key, json_number(pooled.min()), json_number(pooled.max()),
                           json_number(pooled.mean()), json_number(pooled.harmonic_mean())));
  }

  static constexpr std::string_view score_key = "tinymlp_vmaf";

  atomic_file& out_;
  std::string own_key_; // in quotes; empty without a score of the log's own
  bool first_ = true;
};

} // namespace

std::unique_ptr<score_writer> make_csv_writer(atomic_file& out) {
  return std::make_unique<csv_writer>(out);
}

std::unique_ptr<score_writer> make_json_writer(atomic_file& out) {
  return std::make_unique<json_writer>(out);
}

} // namespace tinymlp::tools
