// Reads models, a path a line, and prints for each: the path, a tab, and the status by number with
// its operator; or "accepted", and how its stored test data compare: "equal", "wrong", "no data"
// (none stored, or of another shape than rows of the network).
#include "../onnx_writer.hpp"

#include <tinymlp/any_network.hpp>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace tinymlp;
namespace fs = std::filesystem;

std::optional<std::vector<char>> read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::vector<char>(std::istreambuf_iterator<char>(file), {});
}

// A stored tensor of floats.
std::optional<std::vector<float>> read_tensor(const fs::path& path) {
  const std::optional<std::vector<char>> bytes = read_file(path);
  onnx::tensor t;
  if (!bytes || onnx::failed(onnx::parse_tensor({bytes->data(), bytes->size(), 0}, {}, t)) ||
      t.type != onnx::element::float32)
    return std::nullopt;
  std::vector<float> to;
  onnx::element_reader reader(t);
  for (float value = 0; reader.next(value);) to.push_back(value);
  return to;
}

std::string compare(const onnx::plan& plan, const owned_network& net, const fs::path& folder) {
  if (plan.input_count != 1 || plan.ignored_outputs != 0) return "no data";
  const auto input = read_tensor(folder / "input_0.pb"),
             output = read_tensor(folder / "output_0.pb");
  if (!input || !output || input->size() % plan.inputs != 0) return "no data";
  const std::size_t rows = input->size() / plan.inputs;
  if (output->size() != rows * plan.outputs) return "no data";
  std::vector<float> got(output->size());
  if (net->run(*input, got) != status::ok) return "wrong";
  for (std::size_t i = 0; i < got.size(); ++i) // what ONNX's own runner tolerates
    if (!(std::abs(got[i] - (*output)[i]) <= 1e-7F + 1e-3F * std::abs((*output)[i])))
      return "wrong";
  return "equal";
}

// The fields of a message but those of a number; the first of these.
std::string without(protobuf::view message, std::uint32_t number, protobuf::view& first) {
  std::string to;
  protobuf::cursor c(message);
  for (protobuf::field f; !c.done();) {
    const std::size_t from = c.offset();
    if (c.next(f) != status::ok) return {};
    if (f.number != number)
      to.append(message.data + (from - message.offset), c.offset() - from);
    else if (first.data == nullptr)
      first = f.payload;
  }
  return to;
}

// The model with its output, of this shape, times a matrix that changes nothing.
std::vector<char> with_dense_layer(const std::vector<char>& model, const onnx::tensor& output) {
  namespace w = onnx_writer;
  protobuf::view graph, value;
  const std::string rest = without({model.data(), model.size(), 0}, 7, graph);
  std::string inner = without(graph, 12, value);
  const w::bytes name{onnx::name_in(value, 1)};
  std::int64_t width = 1;
  for (std::size_t i = output.rank > 1 ? 1 : 0; i < output.rank; ++i) width *= output.dims[i];
  std::vector<float> ones(static_cast<std::size_t>(width * width));
  for (std::int64_t i = 0; i < width; ++i) ones[static_cast<std::size_t>(i * (width + 1))] = 1;
  const auto append = [&](std::uint32_t number, const w::bytes& message) {
    inner += w::field(number, message).view();
  };
  append(5, w::floats("ones", {width, width}, ones).write());
  if (output.rank > 1) append(1, w::node("Flatten", {name}, {"flat"}).write());
  append(1,
         w::node("MatMul", {output.rank > 1 ? w::bytes("flat") : name, "ones"}, {"same"}).write());
  w::value_info same("same", {});
  same.has_shape = false;
  append(12, same.write());
  const std::string whole = rest + std::string(w::field(7, w::bytes(inner)).view());
  return {whole.begin(), whole.end()};
}

std::string judge(const fs::path& path) {
  std::optional<std::vector<char>> bytes = read_file(path);
  if (!bytes) return "not read";
  onnx::plan plan;
  owned_network net;
  error e = onnx::parse_into(plan, *bytes);
  std::string how = "accepted, ";
  const auto stored = read_file(path.parent_path() / "test_data_set_0" / "output_0.pb");
  onnx::tensor output;
  if (e.code == status::no_layers && stored &&
      !onnx::failed(onnx::parse_tensor({stored->data(), stored->size(), 0}, {}, output)) &&
      output.count <= 4096) {
    bytes = with_dense_layer(*bytes, output);
    e = onnx::parse_into(plan, *bytes);
    how = "accepted with a dense layer, ";
  }
  if (!onnx::failed(e)) e = net.load(plan);
  if (onnx::failed(e))
    return std::to_string(static_cast<int>(e.code)) + " " + std::string(message(e.code)) +
           (e.op_type.empty() ? "" : ": ") + std::string(e.op_type);
  std::string data = "no data";
  for (const auto& set : fs::directory_iterator(path.parent_path()))
    if (data != "wrong" && set.is_directory()) data = compare(plan, net, set.path());
  return how + data;
}

} // namespace

int main() {
  for (std::string path; std::getline(std::cin, path);)
    std::printf("%s\t%s\n", path.c_str(), judge(path).c_str());
}
