#include "onnxruntime_engine.hpp"

#include "onnxruntime_api.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

namespace tinymlp::bench {

namespace {

OrtSession* open_session(std::span<const char> model) {
  OrtSessionOptions* const options = single_threaded_options();
  OrtSession* session = nullptr;
  OrtStatus* status =
      api().CreateSessionFromArray(environment("tinymlp_bench", ORT_LOGGING_LEVEL_ERROR),
                                   model.data(), model.size(), options, &session);
  api().ReleaseSessionOptions(options);
  check(status);
  return session;
}

OrtValue* tensor_of(float* data, std::span<const std::int64_t> shape, std::size_t count) {
  OrtMemoryInfo* memory = nullptr;
  check(api().CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory));
  OrtValue* value = nullptr;
  OrtStatus* status = api().CreateTensorWithDataAsOrtValue(
      memory, data, count * sizeof(float), shape.data(), shape.size(),
      ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value);
  api().ReleaseMemoryInfo(memory);
  check(status);
  return value;
}

} // namespace

struct onnxruntime_batch::values {
  OrtSession* session = nullptr;
  OrtValue *input = nullptr, *output = nullptr;
  OrtIoBinding* binding = nullptr;

  ~values() {
    api().ReleaseIoBinding(binding);
    api().ReleaseValue(output);
    api().ReleaseValue(input);
    api().ReleaseSession(session);
  }
};

onnxruntime_batch::onnxruntime_batch(std::span<const char> model, const float* rows,
                                     std::size_t count, float* scores)
    : values_(std::make_unique<values>()) {
  const auto n = static_cast<std::int64_t>(count);
  values_->session = open_session(model);
  // The C API has no tensor of constant data; the session only reads its input.
  values_->input = tensor_of(const_cast<float*>(rows), std::array{n, std::int64_t{6}}, 6 * count);
  values_->output = tensor_of(scores, std::array{n}, count);
  check(api().CreateIoBinding(values_->session, &values_->binding));
  check(api().BindInput(values_->binding, "features", values_->input));
  check(api().BindOutput(values_->binding, "vmaf", values_->output));
}

onnxruntime_batch::~onnxruntime_batch() = default;
onnxruntime_batch::onnxruntime_batch(onnxruntime_batch&&) noexcept = default;

void onnxruntime_batch::operator()() const {
  check(api().RunWithBinding(values_->session, nullptr, values_->binding));
}

onnxruntime_engine::onnxruntime_engine(std::vector<char> model)
    : model_(std::move(model)), tensors_(std::make_unique<one_row>()),
      single_(model_, tensors_->features, 1, tensors_->score) {}

float onnxruntime_engine::row(const float* features) const {
  std::memcpy(tensors_->features, features, sizeof tensors_->features);
  single_();
  return tensors_->score[0];
}

onnxruntime_batch onnxruntime_engine::prepare(const float* rows, std::size_t count,
                                              float* scores) const {
  return {model_, rows, count, scores};
}

std::string onnxruntime_engine::version() { return OrtGetApiBase()->GetVersionString(); }

} // namespace tinymlp::bench
