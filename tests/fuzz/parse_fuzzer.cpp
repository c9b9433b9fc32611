// libFuzzer target: bytes -> plan. A plan's steps follow each other and its constants can be read;
// an error points into the file; obstacles are listed exactly where a file is refused. Seeds and
// commands: tests/fuzz/run.
#include "check_error.hpp"

#include <tinymlp/onnx.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace {

using namespace tinymlp;

using fuzz::check, fuzz::require;

// `one` value, or `count`, and as many as the tensor says.
void check(const onnx::plan& p, onnx::constant c, std::size_t count) {
  if (!c.present()) return;
  const onnx::tensor t = onnx::read(p, c);
  require(t.count == 1 || t.count == count);
  std::size_t seen = 0;
  std::uint64_t bits = 0;
  for (onnx::element_reader reader(t); reader.next(bits);) ++seen;
  require(seen == t.count);
  if (const char* data = nullptr; onnx::raw_floats(t, data)) require(data != nullptr);
}

void check(const onnx::plan& p) {
  std::size_t width = p.inputs, layers = 0;
  require(p.step_count <= onnx::max_steps && width >= 1 && width <= onnx::max_width);
  for (std::size_t i = 0; i < p.step_count; ++i) {
    const onnx::step& s = p.steps[i];
    require(s.inputs == width && s.outputs >= 1 && s.outputs <= onnx::max_width);
    require(!onnx::label(p, s).empty());
    width = s.outputs;
    const bool is_dense = s.kind == onnx::step_kind::dense;
    layers += is_dense;
    check(p, s.weight, is_dense ? std::size_t{s.inputs} * s.outputs : width);
    check(p, s.bias, width);
    if (is_dense) require(s.weight.present());
    if (is_dense && p.mode == onnx::quant_mode::dynamic_int8) check(p, s.weight_scale, width);
    if (is_dense && p.mode == onnx::quant_mode::static_int8) {
      require(s.activation_scale > 0);
      check(p, s.sum_scale, width);
      check(p, s.sum_scale_factor, width);
    }
    if (s.kind == onnx::step_kind::slice) require(s.begin + s.outputs <= s.inputs);
    if (s.kind == onnx::step_kind::affine && s.op == onnx::affine_op::batch_norm) {
      check(p, s.mean, width);
      check(p, s.variance, width);
    }
  }
  require(width == p.outputs && layers == p.layer_count && layers >= 1);
}

// A file refers to external data by these names.
constexpr char external_bytes[4096]{};
constexpr std::array<onnx::external_file, 1> external_files{{{"weights.bin", external_bytes}}};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const char> file(reinterpret_cast<const char*>(data), size);
  onnx::plan p;
  const error e = onnx::parse_into(p, file, external_files);
  std::array<error, 8> obstacles{};
  const std::size_t count = onnx::find_obstacles(file, external_files, {}, obstacles);
  require((count == 0) == (e.code == status::ok));
  for (std::size_t i = 0; i < count && i < obstacles.size(); ++i) check(obstacles[i], file);
  if (e.code == status::ok)
    check(p);
  else
    check(e, file);
  return 0;
}
