// The networks that are measured: model files, each with rows to score.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <tinymlp/any_network.hpp>

namespace tinymlp::bench {

// A model that tinymlp accepts. Its address must not change: the plan views its bytes.
class network_file {
public:
  // Throws std::runtime_error with the reason why it cannot be measured. `folder`: where its
  // external data is; empty: there is none. `csv` has a row a line, all graph inputs in order,
  // flattened; empty: pseudo-random rows.
  network_file(std::string name, std::vector<char> model, std::filesystem::path folder,
               std::string_view csv);
  network_file(const network_file&) = delete;

  const std::string& name() const { return name_; }
  std::span<const char> model() const { return model_; }
  const std::filesystem::path& folder() const { return folder_; }
  const onnx::plan& plan() const { return *plan_; }
  const any_network& net() const { return *net_; }
  onnx::external_files external() const { return external_; }

  std::size_t inputs() const { return plan_->inputs; }
  std::size_t outputs() const { return plan_->outputs; }
  // Multiply-adds a row in the dense layers, those of outputs that nobody asks for left out; and
  // weights and biases of the file.
  std::size_t macs() const;
  std::size_t parameters() const;
  // The fewest values between two dense layers; 0 where there is but one.
  std::size_t narrowest() const;
  // "480-512-256-128-29 elu"
  std::string shape() const;

  // Row-major [count, inputs()]; the distinct rows, again and again. Any count.
  std::vector<float> rows(std::size_t count) const;

private:
  void read_external();
  void read_rows(std::string_view csv);

  std::string name_;
  std::vector<char> model_;
  std::filesystem::path folder_;
  std::vector<std::pair<std::string, std::vector<char>>> external_bytes_;
  std::vector<onnx::external_file> external_;
  std::unique_ptr<onnx::plan> plan_;
  owned_network net_;
  std::vector<float> rows_; // the distinct ones
};

// Those of a path: an .onnx file; a folder with .onnx files; or a folder whose folders hold
// model.onnx and inputs.csv. What cannot be measured is left out and told on stderr. In order of
// names.
std::vector<std::unique_ptr<network_file>> read_networks(const std::filesystem::path& path);

} // namespace tinymlp::bench
