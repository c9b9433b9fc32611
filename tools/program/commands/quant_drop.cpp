// `tinymlp quant-drop`: what quantisation costs, fp32 against int8 on the same rows.
#include <array>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "scores/accuracy.hpp"
#include "system/atomic_file.hpp"
#include "system/built_in.hpp"
#include "system/byte_source.hpp"
#include "commands.hpp"
#include "commands/options.hpp"
#include "system/failure.hpp"
#include "system/json.hpp"
#include "logs/log_reader.hpp"
#include "models/model.hpp"
#include "scores/numpy_random.hpp"
#include "registry/registered_file.hpp"
#include "registry/registry.hpp"
#include "system/terminal.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

struct drop_options {
  std::string registry = default_registry;
  std::string features;
  std::vector<std::string> ids;
  bool all = false;
  bool json = false;
  bool upstream_rows = false;
};

struct feature_rows {
  std::string source;
  std::vector<float> values; // row-major, feature_count a row
};

class row_collector final : public row_sink {
public:
  explicit row_collector(std::vector<float>& to) : to_(to) {}
  void begin(const log_description&) override {}
  void row(const log_row& row) override {
    to_.insert(to_.end(), row.features.begin(), row.features.end());
  }
  void note(const std::string& text) override { print_message("note", text); }

private:
  std::vector<float>& to_;
};

feature_rows read_rows(const drop_options& options) {
  feature_rows rows;
  if (options.upstream_rows) {
    rows.source = "numpy.random.default_rng(0).random((16, 6), float32)";
    rows.values = numpy_uniform_float32(0, 16 * feature_count);
    return rows;
  }
  row_collector collector(rows.values);
  if (options.features.empty()) {
    rows.source = "model/quant_rows.csv (built in)";
    byte_source text(rows.source, quant_rows_text());
    read_log(text, {}, collector);
  } else {
    rows.source = options.features;
    byte_source text(options.features);
    read_log(text, {}, collector);
  }
  return rows;
}

std::vector<float> score_rows(const model& network, const std::vector<float>& rows) {
  std::vector<float> scores(rows.size() / feature_count);
  network.score(rows, scores);
  return scores;
}

struct drop_result {
  const model_entry* entry = nullptr;
  model_description fp32, int8;
  accuracy figures;

  double drop() const { return 1 - figures.plcc; }
  // A NaN does not pass, and no more do scores that quantisation lost: a row whose features are bad
  // has none in either precision.
  bool passed() const { return drop() <= entry->plcc_budget && figures.one_sided == 0; }
};

drop_result measure(const registry& in, const model_entry& entry, const feature_rows& rows) {
  const auto open = [&](onnx::precision which) {
    return make_model(load_registered(in.where(), entry, which), std::nullopt, entry.id);
  };
  const std::unique_ptr<model> fp32 = open(onnx::precision::fp32);
  const std::unique_ptr<model> int8 = open(onnx::precision::int8);
  require_scores_of_frames(fp32->description());
  require_scores_of_frames(int8->description());
  return {&entry, fp32->description(), int8->description(),
          compare_scores(score_rows(*fp32, rows.values), score_rows(*int8, rows.values))};
}

std::string text_of(const drop_result& r) {
  const accuracy& a = r.figures;
  std::string text = fmt::format(
      "[{}] {:<24} mode={:<7} PLCC={:.6f}  drop={:.6f}  budget={:.4f}  worst_abs={:.4f}\n"
      "       {} rows: SROCC={:.6f}  RMSE={:.4f}  mean_abs={:.4f}  p99_abs={:.4f}  bias={:+.4f}\n",
      r.passed() ? "PASS" : "FAIL", r.entry->id, r.entry->quant_mode, a.plcc, r.drop(),
      r.entry->plcc_budget, a.worst_abs, a.rows, a.srocc, a.rmse, a.mean_abs, a.p99_abs, a.bias);
  if (std::isnan(a.plcc))
    text +=
        "       PLCC is not defined: it takes two rows, and scores that differ in each precision\n";
  if (a.not_finite > 0)
    text += fmt::format("       {} row{} without a finite score left out", a.not_finite,
                        a.not_finite == 1 ? "" : "s");
  if (a.one_sided > 0)
    text += fmt::format("; {} with one in fp32 or in int8 alone: no pass", a.one_sided);
  if (a.not_finite > 0) text += '\n';
  return text;
}

json file_json(const model_description& from) {
  return {{"onnx", to_utf8(from.name)}, {"sha256", from.sha256}};
}

json json_of(const drop_result& r) {
  const accuracy& a = r.figures;
  json to; // figures that are not finite become null
  to["id"] = r.entry->id;
  to["quant_mode"] = r.entry->quant_mode;
  to["passed"] = r.passed();
  to["budget"] = r.entry->plcc_budget;
  to["drop"] = r.drop();
  const std::array figures{std::pair("plcc", a.plcc),          std::pair("srocc", a.srocc),
                           std::pair("rmse", a.rmse),          std::pair("bias", a.bias),
                           std::pair("mean_abs", a.mean_abs),  std::pair("p99_abs", a.p99_abs),
                           std::pair("worst_abs", a.worst_abs)};
  for (const auto& [name, value] : figures) to[name] = value;
  to["rows"] = a.rows;
  to["rows_not_finite"] = a.not_finite;
  to["rows_finite_in_one"] = a.one_sided;
  to["fp32"] = file_json(r.fp32);
  to["int8"] = file_json(r.int8);
  return to;
}

std::vector<const model_entry*> choose_entries(const registry& in, const drop_options& options) {
  std::vector<const model_entry*> chosen;
  for (const std::string& id : options.ids) chosen.push_back(&in.at(id));
  if (options.all)
    for (const model_entry& entry : in.models())
      if (entry.is_quantised()) chosen.push_back(&entry);
  if (chosen.empty()) fail("{}: no quantised entry", in.path());
  return chosen;
}

// Whether every entry is within its budget.
bool run_drop(const drop_options& options) {
  if (options.all == !options.ids.empty()) throw usage_error("either --all or an ID is needed");
  refuse_overwriting("", "-", std::array{options.registry, options.features});
  const registry in(options.registry);
  const std::vector<const model_entry*> entries = choose_entries(in, options);
  for (const model_entry* entry : entries)
    refuse_overwriting("", "-",
                       std::array{in.where().name_of(entry->file(onnx::precision::fp32)),
                                  in.where().name_of(entry->file(onnx::precision::int8))});
  const feature_rows rows = read_rows(options);
  bool passed = true, complete = true;
  std::string text;
  json results = json::array();
  for (const model_entry* entry : entries) {
    try {
      const drop_result result = measure(in, *entry, rows);
      passed &= result.passed();
      text += text_of(result);
      results.push_back(json_of(result));
    } catch (const failure& reason) { // the others are measured all the same
      complete = false;
      print_message("", reason.what());
    }
  }
  if (options.json) {
    text = write_json({{"registry", to_utf8(in.path())},
                       {"features", to_utf8(rows.source)},
                       {"results", std::move(results)}});
  }
  print(text);
  if (!complete) throw usage_error("not every entry could be measured");
  return passed;
}

constexpr const char* quant_drop_footer =
    R"(Rows are 2,000 real ones, 80 from each source of the training corpus, that are built in
(model/quant_rows.csv), or those of --features: any log or CSV that `tinymlp score` reads.

Rows without a finite score in fp32 and int8, whose features are bad, are left out. Where only one of
the two has lost its score, the entry is not within its budget.

--upstream-rows takes the 16 rows, uniform in [0, 1), by which vmaf's tiny models were judged when
they were quantised. They lie far from real features; the figures serve to compare with theirs.

Exit status: 0 every entry is within its budget, 1 one is not, 2 something else went wrong.

Examples:
  tinymlp quant-drop --all
  tinymlp quant-drop mlp_large --features vmaf.json --json
)";

} // namespace

void add_quant_drop_command(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("quant-drop", "Compare int8 with fp32 scores, against a budget");
  auto options = std::make_shared<drop_options>();
  command->add_option("--registry", options->registry, "The registry")
      ->type_name("FILE")
      ->capture_default_str();
  CLI::Option* features =
      command
          ->add_option("--features", options->features, "Rows to compare on; - for standard input")
          ->type_name("FILE");
  command->add_flag("--upstream-rows", options->upstream_rows, "Compare on 16 generated rows")
      ->excludes(features);
  command->add_flag("--all", options->all, "Every quantised entry");
  command->add_flag("--json", options->json, "Print JSON");
  command->add_option("ID", options->ids, "Entries")->check(utf8_text());
  command->footer(quant_drop_footer);
  command->callback([options] {
    bool passed = false;
    try {
      passed = run_drop(*options);
    } catch (const failure& reason) {
      throw usage_error(reason.what()); // exit 2: 1 is for entries over their budget
    }
    if (!passed) throw failure("not every entry is within its budget");
  });
}

} // namespace tinymlp::tools
