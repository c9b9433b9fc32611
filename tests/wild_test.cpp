// Public MLP files that people use (../shared/wild) and scikit-learn's exports (../shared/cases),
// where they are at hand: accepted but for those named here, and each at least as near to float64
// as ONNX Runtime is, or within a millionth of the output's range.
#include "test_data.hpp"

#include <tinymlp/any_network.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

using namespace tinymlp;

namespace {

const std::filesystem::path wild = "../shared/wild", sklearn = "../shared/cases/sklearn";

using table = std::vector<std::vector<double>>;
table read_table(const std::filesystem::path& path) {
  table to;
  std::istringstream lines(test_data::read_file(path.string()).value_or(""));
  for (std::string line; std::getline(lines, line);) {
    std::vector<double>& row = to.emplace_back();
    std::istringstream fields(line);
    for (std::string field; std::getline(fields, field, ',');)
      row.push_back(std::strtod(field.c_str(), nullptr));
  }
  return to;
}

// The model's external data, by the names that they have in its folder.
struct model_file {
  std::string bytes;
  std::map<std::string, std::string> data;
  std::vector<onnx::external_file> external;

  explicit model_file(const std::filesystem::path& path)
      : bytes(test_data::must_read(path.string())) {
    for (const auto& entry : std::filesystem::directory_iterator(path.parent_path()))
      if (entry.path().extension() == ".data")
        data[entry.path().filename().string()] = test_data::must_read(entry.path().string());
    for (const auto& [name, content] : data) external.push_back({name, content});
  }
};

// Columns of the graph inputs that the network takes, in a table with all of them.
std::vector<float> features(const onnx::plan& plan, const table& inputs) {
  std::vector<float> rows;
  for (const std::vector<double>& line : inputs) {
    std::size_t column = 0;
    for (std::size_t i = 0; i < plan.input_count; ++i) {
      const onnx::input_slice& from = plan.graph_inputs[i];
      for (std::size_t k = 0; k < from.count; ++k, ++column)
        if (from.used) rows.push_back(static_cast<float>(line.at(column)));
    }
    REQUIRE(column == line.size());
  }
  return rows;
}

// Where among the graph's outputs, one behind the other, the network's are: as a classifier's
// probabilities behind its label, or first.
std::size_t first_column(const onnx::plan& plan, std::size_t columns) {
  return plan.labels.present() ? columns - plan.outputs : 0;
}

void check_scores(const model_file& file, const table& inputs, const table& onnxruntime,
                  const table& float64) {
  onnx::plan plan;
  REQUIRE(onnx::parse_into(plan, file.bytes, file.external).code == status::ok);
  owned_network net;
  REQUIRE(net.load(file.bytes, file.external).code == status::ok);
  const std::vector<float> rows = features(plan, inputs);
  std::vector<float> out(inputs.size() * plan.outputs), again(out.size());
  REQUIRE(net->run(rows, out) == status::ok);
  for (const isa which : supported()) { // one by one as well
    std::size_t different = 0;
    for (std::size_t r = 0; r < inputs.size(); ++r)
      REQUIRE(net->run(std::span(rows).subspan(r * plan.inputs, plan.inputs),
                       std::span(again).subspan(r * plan.outputs, plan.outputs),
                       which) == status::ok);
    for (std::size_t i = 0; i < out.size(); ++i) different += !test_data::same(out[i], again[i]);
    CHECK(different == 0);
  }
  const std::size_t first = first_column(plan, onnxruntime.at(0).size());
  double own = 0, theirs = 0, low = INFINITY, high = -INFINITY;
  for (std::size_t r = 0; r < inputs.size(); ++r)
    for (std::size_t o = 0; o < plan.outputs; ++o) {
      const double other = double{static_cast<float>(onnxruntime[r].at(first + o))};
      const double exact = float64.empty() ? other : float64[r].at(first + o);
      own = std::max(own, std::abs(double{out[r * plan.outputs + o]} - exact));
      theirs = std::max(theirs, std::abs(other - exact));
      low = std::min(low, exact);
      high = std::max(high, exact);
    }
  // Without a float64 reference, ONNX Runtime's own error counts as well.
  const double allowed = std::max(theirs, (float64.empty() ? 4e-6 : 1e-6) * (high - low));
  CHECK(own <= allowed);
}

} // namespace

TEST_CASE("public MLP files" * doctest::skip(!std::filesystem::exists(wild))) {
  const std::set<std::string> refused{
      "marabou_multiinput_add",              // adds the outputs of two layers
      "mit_deploy_model",                    // computes in float16
      "unitymlagents_movetogo_movetogoal_0", // masks actions by an input, and samples
      "vnncomp2022_benchmarks_mscn_128d",    // means over sets of rows
  };
  for (const auto& entry : std::filesystem::directory_iterator(wild)) {
    const std::string name = entry.path().filename().string();
    CAPTURE(name);
    const model_file file(entry.path() / "model.onnx");
    owned_network net;
    const error why = net.load(file.bytes, file.external);
    CHECK((why.code == status::ok) == !refused.contains(name));
    if (why.code != status::ok) continue;
    check_scores(file, read_table(entry.path() / "inputs.csv"),
                 read_table(entry.path() / "onnxruntime.csv"),
                 read_table(entry.path() / "float64.csv"));
  }
}

TEST_CASE("scikit-learn's exports" * doctest::skip(!std::filesystem::exists(sklearn))) {
  for (const auto& entry : std::filesystem::directory_iterator(sklearn)) {
    if (entry.path().extension() != ".onnx") continue;
    const std::string stem = entry.path().stem().string();
    CAPTURE(stem);
    check_scores(model_file(entry.path()), read_table(sklearn / (stem + ".inputs.csv")),
                 read_table(sklearn / (stem + ".onnxruntime.csv")), {});
  }
}
