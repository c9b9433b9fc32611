// Everything that is measured: each engine with each network, precision and instruction set. A new
// engine is a type with row() and prepare(), and its lines in for_each_subject.
#pragma once

#include <cstddef>
#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <tinymlp/tinymlp.hpp>

#include "eigen_engine.hpp"
#include "loops.h"
#if TINYMLP_BENCH_ONNXRUNTIME
#include "onnxruntime_engine.hpp"
#endif
#if TINYMLP_BENCH_SVM
#include "svm_engine.hpp"
#endif
#if TINYMLP_BENCH_C
#include <tinymlp.h>
#endif

namespace tinymlp::bench {

// engine/network/precision/isa
struct label {
  std::string_view engine, network, precision, isa;
  std::size_t macs = 0; // multiply-adds a row

  std::string text() const {
    std::string all(engine);
    for (const std::string_view part : {network, precision, isa}) all.append("/").append(part);
    return all;
  }
};

template <class Net> constexpr std::size_t macs_of() {
  constexpr auto sizes = Net::shape_type::sizes;
  std::size_t macs = 0;
  for (std::size_t l = 0; l + 1 < sizes.size(); ++l) macs += sizes[l] * sizes[l + 1];
  return macs;
}

// Rows and scores of a call, bound beforehand.
template <class Function> struct bound_rows {
  Function score;
  const float* rows;
  std::size_t count;
  float* scores;
  void operator()() const { score(rows, count, scores); }
};
template <class Function>
bound_rows(Function, const float*, std::size_t, float*) -> bound_rows<Function>;

// As a user calls it: the instruction set is chosen at run time.
template <class Net> struct dispatching_engine {
  const Net& net;

  float row(const float* features) const {
    return net.score(std::span<const float, Net::inputs>(features, Net::inputs));
  }
  auto prepare(const float* rows, std::size_t count, float* scores) const {
    return bound_rows{[this](const float* in, std::size_t n, float* out) {
                        static_cast<void>(
                            net.score(std::span(in, n * Net::inputs), std::span(out, n)));
                      },
                      rows, count, scores};
  }
};

// The kernel that the choice would lead to.
template <class Net> struct kernel_engine {
  using weights = std::remove_cvref_t<decltype(std::declval<Net>().weights())>;
  const Net& net;
  const kernels::kernel<weights>& kernel;

  float row(const float* features) const { return kernel.row(net.weights(), features); }
  auto prepare(const float* rows, std::size_t count, float* scores) const {
    return bound_rows{[this](const float* in, std::size_t n, float* out) {
                        kernel.rows(net.weights(), in, n, out);
                      },
                      rows, count, scores};
  }
};

struct function_engine {
  float (*row)(const float* features);
  void (*rows)(const float* features, std::size_t count, float* scores);

  auto prepare(const float* in, std::size_t count, float* out) const {
    return bound_rows{rows, in, count, out};
  }
};

template <class Net, class Visitor>
void visit_own(const Net& net, std::string_view network, std::string_view precision,
               Visitor&& visit) {
  constexpr std::size_t macs = macs_of<Net>();
  using weights = typename kernel_engine<Net>::weights;
  for (const isa which : supported()) {
    const kernels::kernel<weights>& kernel = kernels::kernel_of<weights>(which);
    if (kernel.id == which) // else another instruction set stands in
      visit(label{"tinymlp", network, precision, name(which), macs},
            kernel_engine<Net>{net, kernel});
  }
  visit(label{"tinymlp", network, precision, "auto", macs}, dispatching_engine<Net>{net});
}

inline std::vector<char> read_model(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  if (bytes.empty()) throw std::runtime_error("cannot read " + path);
  return bytes;
}

// int8 with fixed activation scales: the file that `tinymlp quantize --static` wrote for the bench.
#ifdef TINYMLP_INT8_DIR
inline std::string static_int8_path(std::string_view network) {
  return std::string(TINYMLP_INT8_DIR "/").append(network).append(".static.int8.onnx");
}
template <class Net> const Net& static_int8(std::string_view network) {
  static const Net net = [network] {
    const std::string path = static_int8_path(network);
    const result<Net> loaded = load<Net>(std::span<const char>(read_model(path)));
    if (!loaded) throw std::runtime_error(path + ": " + std::string(message(loaded.error().code)));
    return *loaded;
  }();
  return net;
}
#endif

#if TINYMLP_BENCH_ONNXRUNTIME
template <class Visitor>
void visit_onnxruntime(std::string_view network, std::string_view precision,
                       const std::string& path, Visitor&& visit) {
  visit(label{"onnxruntime", network, precision, "auto"}, onnxruntime_engine(read_model(path)));
}
#endif

#if TINYMLP_BENCH_SVM
struct svm_subject {
  const svm_engine& svm;
  float row(const float* features) const { return svm.row(features); }
  auto prepare(const float* rows, std::size_t count, float* scores) const {
    return bound_rows{[this](const float* in, std::size_t n, float* out) { svm.rows(in, n, out); },
                      rows, count, scores};
  }
};
#endif

#if TINYMLP_BENCH_C
// The shared library, through its C interface.
struct c_engine {
  const tinymlp_network* net;
  float row(const float* features) const { return tinymlp_score(net, features); }
  auto prepare(const float* rows, std::size_t count, float* scores) const {
    return bound_rows{
        [this](const float* in, std::size_t n, float* out) { tinymlp_run(net, in, n, out); }, rows,
        count, scores};
  }
};
#endif

// Calls visit(label, engine) for each. An engine has
//   float row(const float* features) const                        6 features -> score
//   auto prepare(const float* rows, std::size_t count, float* scores) const
//     -> a callable that scores these rows; views the engine, which must live as long
template <class Visitor> void for_each_subject(Visitor&& visit) {
#define TINYMLP_LOOPS(prefix, size, isa)                                                           \
  visit(label{"loops", "mlp_" #size, "fp32", isa},                                                 \
        function_engine{prefix##_mlp_##size##_row, prefix##_mlp_##size##_rows});                   \
  visit(label{"loops-axpy", "mlp_" #size, "fp32", isa},                                            \
        function_engine{prefix##_axpy_mlp_##size##_row, prefix##_axpy_mlp_##size##_rows});         \
  visit(label{"loops", "mlp_" #size, "int8", isa},                                                 \
        function_engine{prefix##_int8_mlp_##size##_row, prefix##_int8_mlp_##size##_rows});
#if TINYMLP_BENCH_LOOPS_512
#define TINYMLP_LOOPS_512(size) TINYMLP_LOOPS(loops512, size, "native512")
#else
#define TINYMLP_LOOPS_512(size)
#endif
#define TINYMLP_NETWORK(size)                                                                      \
  visit_own(vmaf::size(), "mlp_" #size, "fp32", visit);                                            \
  visit_own(vmaf::size##_int8(), "mlp_" #size, "int8", visit);                                     \
  TINYMLP_LOOPS(loops, size, "native")                                                             \
  TINYMLP_LOOPS_512(size)                                                                          \
  visit(label{"eigen", "mlp_" #size, "fp32", "native"},                                            \
        function_engine{eigen::mlp_##size##_row, eigen::mlp_##size##_rows});
  TINYMLP_NETWORK(small)
  TINYMLP_NETWORK(medium)
  TINYMLP_NETWORK(large)
#undef TINYMLP_NETWORK
#undef TINYMLP_LOOPS_512
#undef TINYMLP_LOOPS
#ifdef TINYMLP_INT8_DIR
  visit_own(static_int8<mlp_small_static_int8>("mlp_small"), "mlp_small", "int8_static", visit);
  visit_own(static_int8<mlp_medium_static_int8>("mlp_medium"), "mlp_medium", "int8_static", visit);
  visit_own(static_int8<mlp_large_static_int8>("mlp_large"), "mlp_large", "int8_static", visit);
#endif
#if TINYMLP_BENCH_ONNXRUNTIME
  for (const std::string network : {"mlp_small", "mlp_medium", "mlp_large"}) {
    visit_onnxruntime(network, "fp32", TINYMLP_MODEL_DIR "/" + network + ".onnx", visit);
#ifdef TINYMLP_INT8_DIR
    visit_onnxruntime(network, "int8", TINYMLP_INT8_DIR "/" + network + ".int8.onnx", visit);
    visit_onnxruntime(network, "int8_static", static_int8_path(network), visit);
#endif
  }
#endif
#if TINYMLP_BENCH_C
  for (const char* network : {"mlp_small", "mlp_medium", "mlp_large"}) {
    visit(label{"c", network, "fp32", "auto"}, c_engine{tinymlp_shipped(network)});
    const std::string int8 = std::string(network) + ".int8";
    visit(label{"c", network, "int8", "auto"}, c_engine{tinymlp_shipped(int8.c_str())});
  }
#endif
#if TINYMLP_BENCH_SVM
  static const svm_engine svm;
  visit(label{"svm", "nu_svr_211x6", "fp64", "generic"}, svm_subject{svm});
#endif
}

} // namespace tinymlp::bench
