// The sidecar: <model>.json beside <model>.onnx, which repeats for readers what the file and its
// registry entry say. Nothing is computed from it: its mean and std are part of the graph already.
#pragma once

#include <string>
#include <vector>

#include "system/json.hpp"
#include "registry/registry.hpp"

namespace tinymlp::tools {

// Room for the scaler of the widest network, a line a value.
inline constexpr std::size_t largest_sidecar = std::size_t{16} << 20;

// A field, and what is wrong with it.
struct sidecar_problem {
  std::string field; // empty: the sidecar as a whole
  std::string why;
};

// "mlp_small.onnx" -> "mlp_small.json"
std::string sidecar_path(std::string_view onnx);

// Where the sidecar and the registry's entry contradict each other. A field that only one of them
// has counts with its default.
std::vector<sidecar_problem> compare_sidecar(const json& sidecar, const model_entry& entry);

// Where the sidecar and the file that it describes contradict each other: names and shapes of input
// and output, scaler, number of parameters.
std::vector<sidecar_problem> compare_sidecar(const json& sidecar, const onnx_file& file);

// Sets what the entry and the file (null: one that the engine does not read) say, and keeps the
// rest. `sidecar` is an object, {} for a new one. A mean and std that agree with the file stay as
// they are: they may have more digits than the file's float32. One that is not finite (the inverse
// of a factor 0) is left out: JSON has no word for it. Throws failure for names in the file that
// are not UTF-8.
void fill_sidecar(json& sidecar, const model_entry& entry, const onnx_file* file);

// The sidecar of the entry's int8 file: that of the fp32 file with the id, names and hash that
// address the int8 file by itself, and its number of parameters (null: a file that the engine does
// not read): where a layer has no bias, quantising adds one.
json int8_sidecar(const json& fp32_sidecar, const model_entry& entry, const onnx_file* int8);
// The entry that such a sidecar would belong to.
model_entry int8_entry(const model_entry& entry);

} // namespace tinymlp::tools
