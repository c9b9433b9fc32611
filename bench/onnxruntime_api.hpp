// ONNX Runtime's C API as both benches use it: errors as exceptions, one thread.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>

#include <onnxruntime_c_api.h>

namespace tinymlp::bench {

inline const OrtApi& api() {
  static const OrtApi* const table = OrtGetApiBase()->GetApi(ORT_API_VERSION);
  if (table == nullptr) throw std::runtime_error("ONNX Runtime is older than its header");
  return *table;
}

// Takes the status; throws its message's first line where it is an error.
inline void check(OrtStatus* status) {
  if (status == nullptr) return;
  std::string message = api().GetErrorMessage(status);
  api().ReleaseStatus(status);
  message.resize(std::min(message.find('\n'), message.size()));
  throw std::runtime_error("ONNX Runtime: " + message);
}

// The process's one environment; `name` stands in its log, from `level` on.
inline OrtEnv* environment(const char* name, OrtLoggingLevel level) {
  static OrtEnv* const env = [name, level] {
    OrtEnv* made = nullptr;
    check(api().CreateEnv(level, name, &made));
    return made;
  }();
  return env;
}

// Of a session that runs its operators one after the other, optimised; release them.
inline OrtSessionOptions* single_threaded_options() {
  OrtSessionOptions* options = nullptr;
  check(api().CreateSessionOptions(&options));
  check(api().SetIntraOpNumThreads(options, 1));
  check(api().SetInterOpNumThreads(options, 1));
  check(api().SetSessionExecutionMode(options, ORT_SEQUENTIAL));
  check(api().SetSessionGraphOptimizationLevel(options, ORT_ENABLE_ALL));
  return options;
}

} // namespace tinymlp::bench
