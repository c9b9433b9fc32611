// libFuzzer target: bytes -> plan -> int8 files, dynamic and static. What is written is an int8
// model of the same network, and the same bytes whenever it is asked for.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include <unistd.h>

#include <tinymlp/onnx.hpp>

#include "check_error.hpp"
#include "models/quantizer.hpp"
#include "onnx/onnx_file.hpp"
#include "system/failure.hpp"

namespace {

using namespace tinymlp;
using namespace tinymlp::tools;
using fuzz::require;

const folder& empty_folder() { // so that no external data is found
  static const folder where = [] {
    std::string name = "/tmp/tinymlp-fuzz-XXXXXX";
    folder made(::mkdtemp(name.data()) != nullptr ? name : "");
    ::rmdir(name.c_str());
    return made;
  }();
  return where;
}

void check(const std::string& int8, const onnx_file& from, onnx::quant_mode mode) {
  onnx::plan plan;
  require(!onnx::failed(onnx::parse_into(plan, int8)));
  require(plan.mode == mode && plan.inputs == from.plan.inputs &&
          plan.outputs == from.plan.outputs);
  require(shape_text(plan) == shape_text(from.plan) && plan.output_name == from.plan.output_name);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  model_bytes bytes{"fuzzed", {data, data + size}, ""};
  try {
    const onnx_file file = parse_onnx_file(std::move(bytes), empty_folder(), "fuzzed");
    for (const granularity grain : {granularity::per_tensor, granularity::per_channel}) {
      const std::string dynamic = quantize_model(file, grain);
      check(dynamic, file, onnx::quant_mode::dynamic_int8);
      require(quantize_model(file, grain) == dynamic);
      const std::vector<activation_range> ranges(dense_steps(file.plan).size(), {-1.5F, 2.5F});
      check(quantize_model(file, grain, ranges), file, onnx::quant_mode::static_int8);
    }
  } catch (const failure& reason) {
    require(*reason.what() != '\0');
  }
  return 0;
}
