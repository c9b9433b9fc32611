// The shipped networks by ONNX Runtime's C API: one thread, values allocated once, graph
// optimisation on.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tinymlp::bench {

// A model and one batch size, whose input and output tensors are made once.
class onnxruntime_batch {
public:
  // Views rows [count, 6] and writes scores [count]. Throws std::runtime_error with ONNX Runtime's
  // message.
  onnxruntime_batch(std::span<const char> model, const float* rows, std::size_t count,
                    float* scores);
  ~onnxruntime_batch();
  onnxruntime_batch(onnxruntime_batch&&) noexcept;

  // Scores the rows as they are now.
  void operator()() const;

private:
  struct values;
  std::unique_ptr<values> values_;
};

class onnxruntime_engine {
public:
  explicit onnxruntime_engine(std::vector<char> model);

  // 6 features -> score: copied to the input tensor, the session run.
  float row(const float* features) const;
  onnxruntime_batch prepare(const float* rows, std::size_t count, float* scores) const;

  static std::string version();

private:
  struct one_row {
    float features[6] = {};
    float score[1] = {};
  };
  std::vector<char> model_;
  std::unique_ptr<one_row> tensors_;
  onnxruntime_batch single_;
};

} // namespace tinymlp::bench
