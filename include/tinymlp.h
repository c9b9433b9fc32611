/* tinymlp from C11, and from every language that calls C: multilayer perceptrons stored as ONNX,
 * scored with the bits that the C++ header gives.
 * SPDX-License-Identifier: MIT
 *
 * The functions are in the library tinymlp; or in one C++20 file of your own:
 *     #define TINYMLP_C_IMPLEMENTATION
 *     #include <tinymlp.h>            // beside tinymlp.hpp
 * A plugin that keeps them to itself defines TINYMLP_API as nothing before, and is compiled with
 * -fvisibility=hidden.
 *
 * Rows are row-major float32. Nothing throws, prints, or touches a global state; all functions but
 * tinymlp_create() and tinymlp_destroy() allocate nothing, and those that take a const network are
 * thread-safe. Pointers must be valid unless said otherwise; the bytes of a model may be anything.
 */
#ifndef TINYMLP_H
#define TINYMLP_H

#include <stddef.h>
#include <stdint.h>

#if !defined(TINYMLP_VERSION_MAJOR)
/* Of this header, by semantic versioning. */
#define TINYMLP_VERSION_MAJOR 0
#define TINYMLP_VERSION_MINOR 1
#define TINYMLP_VERSION_PATCH 0
#endif

#if defined(TINYMLP_API)
#elif defined(_WIN32) && defined(TINYMLP_SHARED)
#if defined(TINYMLP_C_IMPLEMENTATION)
#define TINYMLP_API __declspec(dllexport)
#else
#define TINYMLP_API __declspec(dllimport)
#endif
#elif defined(__GNUC__) && !defined(_WIN32)
/* Says of a function that the library shows it. */
#define TINYMLP_API __attribute__((visibility("default")))
#else
#define TINYMLP_API
#endif

#if defined(__cplusplus)
extern "C" {
#endif

/* "0.1.0": of the library, where TINYMLP_VERSION_... are of the header. */
TINYMLP_API const char* tinymlp_version(void);

/* Why a model, or a call, was refused. Numbers keep their meaning. */
typedef enum tinymlp_status {
  TINYMLP_OK = 0,
  TINYMLP_TRUNCATED = 1,
  TINYMLP_BAD_VARINT = 2,
  TINYMLP_BAD_FIELD = 3,
  TINYMLP_WRONG_WIRE_TYPE = 4,
  TINYMLP_UNKNOWN_FIELD = 5,
  TINYMLP_DUPLICATE_FIELD = 6,
  TINYMLP_FILE_TOO_LARGE = 7,
  TINYMLP_MISSING_GRAPH = 8,
  TINYMLP_BAD_IR_VERSION = 9,
  TINYMLP_BAD_OPSET = 10,
  TINYMLP_UNSUPPORTED_FEATURE = 11,
  TINYMLP_UNSUPPORTED_DOMAIN = 12,
  TINYMLP_UNSUPPORTED_OPERATOR = 13,
  TINYMLP_MISSING_OP_TYPE = 14,
  TINYMLP_OPERATOR_NEEDS_NEWER_OPSET = 15,
  TINYMLP_WRONG_ARITY = 16,
  TINYMLP_UNSUPPORTED_ATTRIBUTE = 17,
  TINYMLP_BAD_ATTRIBUTE = 18,
  TINYMLP_TOO_MANY_NODES = 19,
  TINYMLP_TOO_MANY_TENSORS = 20,
  TINYMLP_TOO_MANY_LAYERS = 21,
  TINYMLP_TOO_MANY_STEPS = 22,
  TINYMLP_MISSING_INPUT = 23,
  TINYMLP_EXTRA_INPUT = 24,
  TINYMLP_MISSING_OUTPUT = 25,
  TINYMLP_UNKNOWN_OUTPUT = 26,
  TINYMLP_MISSING_NAME = 27,
  TINYMLP_DUPLICATE_NAME = 28,
  TINYMLP_DANGLING_NAME = 29,
  TINYMLP_NOT_SORTED = 30,
  TINYMLP_BRANCH = 31,
  TINYMLP_DISCONNECTED_OUTPUT = 32,
  TINYMLP_UNEXPECTED_OPERATOR = 33,
  TINYMLP_NOT_CONSTANT = 34,
  TINYMLP_WRONG_ELEMENT_TYPE = 35,
  TINYMLP_INEXACT_CAST = 36,
  TINYMLP_BAD_DIMENSION = 37,
  TINYMLP_DIMENSION_OVERFLOW = 38,
  TINYMLP_SHAPE_MISMATCH = 39,
  TINYMLP_MISSING_DATA = 40,
  TINYMLP_AMBIGUOUS_DATA = 41,
  TINYMLP_SHORT_DATA = 42,
  TINYMLP_LONG_DATA = 43,
  TINYMLP_EXTERNAL_DATA_MISSING = 44,
  TINYMLP_BAD_EXTERNAL_DATA = 45,
  TINYMLP_NON_FINITE_WEIGHT = 46,
  TINYMLP_ZERO_STD = 47,
  TINYMLP_NON_FINITE_STD = 48,
  TINYMLP_BAD_SCALE = 49,
  TINYMLP_BAD_ZERO_POINT = 50,
  TINYMLP_VALUE_OUT_OF_RANGE = 51,
  TINYMLP_NO_LAYERS = 52,
  TINYMLP_MIXED_PRECISION = 53,
  TINYMLP_NETWORK_MISMATCH = 54,
  TINYMLP_PRECISION_MISMATCH = 55,
  TINYMLP_SIZE_MISMATCH = 56,
  TINYMLP_ISA_UNSUPPORTED = 57,
  TINYMLP_SHORT_STORAGE = 58,
  TINYMLP_OUT_OF_MEMORY = 59,
} tinymlp_status;

/* A plain sentence fragment, and what to do about it ("" for errors of calls). Never NULL. */
TINYMLP_API const char* tinymlp_status_message(tinymlp_status status);
TINYMLP_API const char* tinymlp_status_advice(tinymlp_status status);

/* What was refused. Texts end in a zero and are cut, between characters, to fit. */
typedef struct tinymlp_error {
  tinymlp_status status; /* why */
  uint64_t offset;       /* of the byte in the file */
  char where[96];        /* the node, tensor or part */
  char op_type[32];      /* of the node, if it is one */
} tinymlp_error;

/* Of one model. */
#define TINYMLP_MAX_EXTERNAL_FILES 64
/* A file of external tensor data; `location` as the model spells it. */
typedef struct tinymlp_external_file {
  const char* location; /* ends in a zero; NULL is refused */
  const void* data;     /* its bytes */
  size_t size;          /* in bytes */
} tinymlp_external_file;

/* An ONNX file, read. */
typedef struct tinymlp_model {
  const void* data;   /* the file's bytes */
  size_t size;        /* in bytes */
  const char* output; /* the graph output to compute; NULL: the first that is an MLP */
  const tinymlp_external_file* external_files; /* NULL, with a count of 0: none */
  size_t external_file_count;                  /* at most TINYMLP_MAX_EXTERNAL_FILES */
} tinymlp_model;

/* A network: of the sizes of its file, fp32 or int8. */
typedef struct tinymlp_network tinymlp_network;

/* Bytes of storage that tinymlp_load() of this model needs; 0, and *error, where it is refused.
 * `error` may be NULL in all functions that have it. Takes up to 24 KiB of stack. */
TINYMLP_API size_t tinymlp_required_storage(const tinymlp_model* model, tinymlp_error* error);

/* The network in `storage`, of any alignment, which must outlive it; NULL, and *error, where the
 * model is refused or storage is too small. The model's bytes are not needed afterwards. There is
 * nothing to destroy. Takes up to 24 KiB of stack. */
TINYMLP_API const tinymlp_network* tinymlp_load(void* storage, size_t storage_size,
                                                const tinymlp_model* model, tinymlp_error* error);

/* The same in storage from malloc(), TINYMLP_OUT_OF_MEMORY where that has none. tinymlp_destroy()
 * takes what tinymlp_create() gave, or NULL. */
TINYMLP_API tinymlp_network* tinymlp_create(const tinymlp_model* model, tinymlp_error* error);
TINYMLP_API void tinymlp_destroy(tinymlp_network* network);

/* A shipped network: mlp_small, mlp_medium or mlp_large; with _4k those of vmaf_4k_v0.6.1; with
 * .int8 the int8 form. NULL for any other name, and for none (NULL). They are constants: nothing is
 * parsed, nothing to destroy. */
TINYMLP_API const tinymlp_network* tinymlp_shipped(const char* name);

/* Values in a row, and out of it. */
TINYMLP_API size_t tinymlp_inputs(const tinymlp_network* network);
TINYMLP_API size_t tinymlp_outputs(const tinymlp_network* network);
/* Weights and biases of the dense layers. */
TINYMLP_API size_t tinymlp_parameter_count(const tinymlp_network* network);
/* "fp32", "dynamic int8" or "static int8". */
TINYMLP_API const char* tinymlp_precision(const tinymlp_network* network);

/* A graph input: the values `first` to `first + count - 1` of the row. `used` is 0, and the values
 * are not in the row, where the output does not depend on it. */
typedef struct tinymlp_input {
  const char* name;    /* in the file */
  size_t first, count; /* in the row */
  int used;            /* 1 or 0 */
} tinymlp_input;
/* Graph inputs in the file's order; TINYMLP_SIZE_MISMATCH for an index beyond them. */
TINYMLP_API size_t tinymlp_input_count(const tinymlp_network* network);
TINYMLP_API tinymlp_status tinymlp_get_input(const tinymlp_network* network, size_t index,
                                             tinymlp_input* input);
/* The graph output that is computed. */
TINYMLP_API const char* tinymlp_output_name(const tinymlp_network* network);

/* One row of tinymlp_inputs() values -> the one output; NaN where the network has several (run it).
 * A NaN or infinity in the row gives NaN. Not clipped. */
TINYMLP_API float tinymlp_score(const tinymlp_network* network, const float* row);

/* Rows [count, inputs] -> out [count, outputs]; any count, any alignment, no overlap. Takes at most
 * 192 KiB of stack for many rows, or as much as one row; for one, twice the widest layer. */
TINYMLP_API void tinymlp_run(const tinymlp_network* network, const float* rows, size_t count,
                             float* out);

/* Instruction sets that this CPU has kernels for, least preferred first ("reference"); NULL beyond
 * tinymlp_isa_count(). tinymlp_run() takes the last. */
TINYMLP_API size_t tinymlp_isa_count(void);
TINYMLP_API const char* tinymlp_isa_name(size_t index);
/* tinymlp_run() on the one of that name; TINYMLP_ISA_UNSUPPORTED, and nothing written, where it
 * cannot be had, and for no name (NULL). */
TINYMLP_API tinymlp_status tinymlp_run_on(const tinymlp_network* network, const char* isa_name,
                                          const float* rows, size_t count, float* out);

/* Scores rows of zeros, so that the first real one finds code and weights in memory: call it once,
 * outside the loop. The first call of a process takes some 20 microseconds otherwise. Does nothing
 * for a network of more than 4,096 inputs or 1,024 outputs. */
TINYMLP_API void tinymlp_warm_up(const tinymlp_network* network);

/* One frame's features as libvmaf writes them, in the order of a row of the shipped networks. Start
 * from TINYMLP_VMAF_UNSET, so that one that is forgotten gives NaN. */
typedef struct tinymlp_vmaf_features {
  float adm2, vif_scale0, vif_scale1, vif_scale2, vif_scale3, motion2; /* as libvmaf names them */
} tinymlp_vmaf_features;
#define TINYMLP_VMAF_UNSET                                                                         \
  { NAN, NAN, NAN, NAN, NAN, NAN } /* with <math.h> */

/* tinymlp_score() of a network of six inputs; NaN for others. */
TINYMLP_API float tinymlp_vmaf_score(const tinymlp_network* network,
                                     const tinymlp_vmaf_features* frame);
/* A score clipped to 0..100, as libvmaf does; that of libvmaf's phone model, from the score as it
 * is, not clipped. NaN stays NaN. */
TINYMLP_API float tinymlp_vmaf_clip(float score);
TINYMLP_API float tinymlp_vmaf_phone(float score);
/* 1 where the shipped networks were verified for such a frame, else 0. */
TINYMLP_API int tinymlp_vmaf_in_verified_region(const tinymlp_vmaf_features* frame);

/* motion2 from a live stream of libvmaf's motion: motion2[i] = min(motion[i], motion[i + 1]), and
 * motion[last] for the last frame. Starts as TINYMLP_MOTION2_START. */
typedef struct tinymlp_motion2_stream {
  float held; /* motion of the last frame */
  int holds;  /* whether there was one */
} tinymlp_motion2_stream;
#define TINYMLP_MOTION2_START                                                                      \
  { 0, 0 }
/* Takes motion of the next frame. 1, and motion2 of the frame before it; 0 where there was none. */
TINYMLP_API int tinymlp_motion2_push(tinymlp_motion2_stream* stream, float motion, float* motion2);
/* 1, and motion2 of the last frame; 0 where none was pushed. The stream starts anew. */
TINYMLP_API int tinymlp_motion2_flush(tinymlp_motion2_stream* stream, float* motion2);

#if defined(__cplusplus)
}
#endif
#endif /* TINYMLP_H */

#if defined(TINYMLP_C_IMPLEMENTATION) && !defined(TINYMLP_C_IMPLEMENTED)
#define TINYMLP_C_IMPLEMENTED
#if !defined(__cplusplus)
#error                                                                                             \
    "tinymlp: the implementation of tinymlp.h is C++20: define TINYMLP_C_IMPLEMENTATION in a .cpp"
#endif

#include "tinymlp.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

// What a network is made of, behind how to call it.
struct tinymlp_network {
  struct functions {
    float (*score)(const tinymlp_network&, const float* row) noexcept;
    void (*run)(const tinymlp_network&, const float* rows, std::size_t count, float* out) noexcept;
    tinymlp::status (*run_on)(const tinymlp_network&, tinymlp::isa, const float* rows,
                              std::size_t count, float* out) noexcept;
  };
  const functions* call;
  std::size_t inputs, outputs, parameters;
  const char* precision;
  const char* output_name;
  const tinymlp_input* graph_inputs;
  std::size_t graph_input_count;
  tinymlp::any_network any; // empty where the compiler knows the network
};

namespace tinymlp::c_interface {

// A name from outside: what was looked up and not found is NULL, and names nothing.
constexpr std::string_view name_text(const char* name) noexcept {
  return name == nullptr ? std::string_view() : std::string_view(name);
}

// A literal, which a zero follows.
constexpr const char* c_text(std::string_view literal) noexcept {
  return literal.empty() ? "" : literal.data();
}

// ---- shipped networks. `Get` names one, so that its kernels are called without a detour.

template <auto Get> struct shipped {
  using net = std::remove_cvref_t<decltype(Get())>;
  static std::span<const float> view(const float* rows, std::size_t count) noexcept {
    return {rows, count * net::inputs};
  }
  static float score(const tinymlp_network&, const float* row) noexcept {
    return Get().score(std::span<const float, net::inputs>(row, net::inputs));
  }
  static void run(const tinymlp_network&, const float* rows, std::size_t count,
                  float* out) noexcept {
    static_cast<void>(Get().score(view(rows, count), std::span(out, count)));
  }
  static status run_on(const tinymlp_network&, isa which, const float* rows, std::size_t count,
                       float* out) noexcept {
    return Get().score(view(rows, count), std::span(out, count), which);
  }
  static constexpr tinymlp_network::functions call{score, run, run_on};
};

inline constexpr tinymlp_input features_input{"features", 0, vmaf::feature_names.size(), 1};

struct shipped_entry {
  std::string_view name;
  tinymlp_network network;
};
template <auto Get> constexpr shipped_entry entry(std::string_view name) noexcept {
  using net = typename shipped<Get>::net;
  return {name,
          {&shipped<Get>::call,
           net::inputs,
           1,
           net::parameter_count,
           c_text(onnx::name(net::mode)),
           "vmaf",
           &features_input,
           1,
           {}}};
}
inline constexpr shipped_entry shipped_networks[] = {
    entry<vmaf::small_hd<>>("mlp_small"),
    entry<vmaf::medium_hd<>>("mlp_medium"),
    entry<vmaf::large_hd<>>("mlp_large"),
    entry<vmaf::small_int8<>>("mlp_small.int8"),
    entry<vmaf::medium_int8<>>("mlp_medium.int8"),
    entry<vmaf::large_int8<>>("mlp_large.int8"),
    entry<vmaf::small_4k<>>("mlp_small_4k"),
    entry<vmaf::medium_4k<>>("mlp_medium_4k"),
    entry<vmaf::large_4k<>>("mlp_large_4k"),
    entry<vmaf::small_4k_int8<>>("mlp_small_4k.int8"),
    entry<vmaf::medium_4k_int8<>>("mlp_medium_4k.int8"),
    entry<vmaf::large_4k_int8<>>("mlp_large_4k.int8"),
};

// ---- networks that are read

inline std::span<const float> rows_of(const tinymlp_network& net, const float* rows,
                                      std::size_t count) noexcept {
  return {rows, count * net.inputs};
}
inline std::span<float> values_of(const tinymlp_network& net, float* out,
                                  std::size_t count) noexcept {
  return {out, count * net.outputs};
}
inline float score_loaded(const tinymlp_network& net, const float* row) noexcept {
  float value = std::numeric_limits<float>::quiet_NaN();
  if (net.outputs == 1)
    static_cast<void>(net.any.run(rows_of(net, row, 1), values_of(net, &value, 1)));
  return value;
}
inline void run_loaded(const tinymlp_network& net, const float* rows, std::size_t count,
                       float* out) noexcept {
  static_cast<void>(net.any.run(rows_of(net, rows, count), values_of(net, out, count)));
}
inline status run_loaded_on(const tinymlp_network& net, isa which, const float* rows,
                            std::size_t count, float* out) noexcept {
  return net.any.run(rows_of(net, rows, count), values_of(net, out, count), which);
}
inline constexpr tinymlp_network::functions call_loaded{score_loaded, run_loaded, run_loaded_on};

// A model on its way into storage, which holds, one behind the other: the struct above, the graph
// inputs, their names and the output's, each ended by a zero, and what any_network wants.
class loader {
public:
  // status::ok, or why the model is refused.
  error read(const tinymlp_model& model) noexcept {
    if (model.external_file_count > files_.size())
      return {status::bad_external_data, 0, "more than TINYMLP_MAX_EXTERNAL_FILES files"};
    for (std::size_t i = 0; i < model.external_file_count; ++i) {
      const tinymlp_external_file& from = model.external_files[i];
      if (from.location == nullptr)
        return {status::bad_external_data, 0, "a tinymlp_external_file without a location"};
      files_[i] = {from.location, {static_cast<const char*>(from.data), from.size}};
    }
    const result<detail::storage_plan> places = detail::read_plan(
        plan_, {static_cast<const char*>(model.data), model.size},
        std::span(files_).first(model.external_file_count), name_text(model.output));
    if (!places) return places.error();
    places_ = *places;
    head_ = sizeof(tinymlp_network) + plan_.input_count * sizeof(tinymlp_input) +
            plan_.output_name.size() + 1;
    for (std::size_t i = 0; i < plan_.input_count; ++i)
      head_ += plan_.graph_inputs[i].name.size() + 1;
    return {};
  }
  // Bytes, wherever they begin.
  std::size_t required() const noexcept {
    return alignof(tinymlp_network) - 1 + head_ + places_.bytes_anywhere();
  }
  // Null where there is too little room.
  tinymlp_network* place(void* storage, std::size_t size) const noexcept {
    if (storage == nullptr || size < required() ||
        std::align(alignof(tinymlp_network), head_, storage, size) == nullptr)
      return nullptr;
    auto* const at = static_cast<std::byte*>(storage);
    const result<any_network> any = detail::pack_into({at + head_, size - head_}, plan_, places_);
    if (!any) return nullptr;
    auto* const inputs = ::new (at + sizeof(tinymlp_network)) tinymlp_input[plan_.input_count];
    auto* text = reinterpret_cast<char*>(inputs + plan_.input_count);
    for (std::size_t i = 0; i < plan_.input_count; ++i) {
      const onnx::input_slice& from = plan_.graph_inputs[i];
      inputs[i] = {keep(text, from.name), from.first, from.count, from.used ? 1 : 0};
    }
    return ::new (at) tinymlp_network{&call_loaded,
                                      any->inputs(),
                                      any->outputs(),
                                      any->parameter_count(),
                                      c_text(onnx::name(any->mode())),
                                      keep(text, plan_.output_name),
                                      inputs,
                                      plan_.input_count,
                                      *any};
  }

private:
  // Copies a name to where `to` points, ends it with a zero and moves `to` on.
  static const char* keep(char*& to, std::string_view name) noexcept {
    char* const begin = to;
    if (!name.empty()) std::memcpy(begin, name.data(), name.size());
    begin[name.size()] = '\0';
    to += name.size() + 1;
    return begin;
  }

  onnx::plan plan_;
  std::array<onnx::external_file, TINYMLP_MAX_EXTERNAL_FILES> files_{};
  detail::storage_plan places_{{}};
  std::size_t head_ = 0;
};
static_assert(alignof(tinymlp_network) >= alignof(tinymlp_input));

// ---- errors

// Copies what fits, in whole characters of UTF-8, and a zero.
template <std::size_t Size> void copy_text(char (&to)[Size], std::string_view from) noexcept {
  std::size_t size = from.size();
  if (size >= Size) {
    size = Size - 1;
    while (size != 0 && (static_cast<unsigned char>(from[size]) & 0xc0U) == 0x80) --size;
  }
  if (size != 0) std::memcpy(to, from.data(), size);
  std::memset(to + size, 0, Size - size);
}
inline void report(const error& why, tinymlp_error* to) noexcept {
  if (to == nullptr) return;
  to->status = static_cast<tinymlp_status>(why.code);
  to->offset = why.offset;
  copy_text(to->where, why.where);
  copy_text(to->op_type, why.op_type);
}

static_assert(TINYMLP_OK == static_cast<int>(status::ok));
static_assert(TINYMLP_TRUNCATED == static_cast<int>(status::truncated));
static_assert(TINYMLP_BAD_VARINT == static_cast<int>(status::bad_varint));
static_assert(TINYMLP_BAD_FIELD == static_cast<int>(status::bad_field));
static_assert(TINYMLP_WRONG_WIRE_TYPE == static_cast<int>(status::wrong_wire_type));
static_assert(TINYMLP_UNKNOWN_FIELD == static_cast<int>(status::unknown_field));
static_assert(TINYMLP_DUPLICATE_FIELD == static_cast<int>(status::duplicate_field));
static_assert(TINYMLP_FILE_TOO_LARGE == static_cast<int>(status::file_too_large));
static_assert(TINYMLP_MISSING_GRAPH == static_cast<int>(status::missing_graph));
static_assert(TINYMLP_BAD_IR_VERSION == static_cast<int>(status::bad_ir_version));
static_assert(TINYMLP_BAD_OPSET == static_cast<int>(status::bad_opset));
static_assert(TINYMLP_UNSUPPORTED_FEATURE == static_cast<int>(status::unsupported_feature));
static_assert(TINYMLP_UNSUPPORTED_DOMAIN == static_cast<int>(status::unsupported_domain));
static_assert(TINYMLP_UNSUPPORTED_OPERATOR == static_cast<int>(status::unsupported_operator));
static_assert(TINYMLP_MISSING_OP_TYPE == static_cast<int>(status::missing_op_type));
static_assert(TINYMLP_OPERATOR_NEEDS_NEWER_OPSET ==
              static_cast<int>(status::operator_needs_newer_opset));
static_assert(TINYMLP_WRONG_ARITY == static_cast<int>(status::wrong_arity));
static_assert(TINYMLP_UNSUPPORTED_ATTRIBUTE == static_cast<int>(status::unsupported_attribute));
static_assert(TINYMLP_BAD_ATTRIBUTE == static_cast<int>(status::bad_attribute));
static_assert(TINYMLP_TOO_MANY_NODES == static_cast<int>(status::too_many_nodes));
static_assert(TINYMLP_TOO_MANY_TENSORS == static_cast<int>(status::too_many_tensors));
static_assert(TINYMLP_TOO_MANY_LAYERS == static_cast<int>(status::too_many_layers));
static_assert(TINYMLP_TOO_MANY_STEPS == static_cast<int>(status::too_many_steps));
static_assert(TINYMLP_MISSING_INPUT == static_cast<int>(status::missing_input));
static_assert(TINYMLP_EXTRA_INPUT == static_cast<int>(status::extra_input));
static_assert(TINYMLP_MISSING_OUTPUT == static_cast<int>(status::missing_output));
static_assert(TINYMLP_UNKNOWN_OUTPUT == static_cast<int>(status::unknown_output));
static_assert(TINYMLP_MISSING_NAME == static_cast<int>(status::missing_name));
static_assert(TINYMLP_DUPLICATE_NAME == static_cast<int>(status::duplicate_name));
static_assert(TINYMLP_DANGLING_NAME == static_cast<int>(status::dangling_name));
static_assert(TINYMLP_NOT_SORTED == static_cast<int>(status::not_sorted));
static_assert(TINYMLP_BRANCH == static_cast<int>(status::branch));
static_assert(TINYMLP_DISCONNECTED_OUTPUT == static_cast<int>(status::disconnected_output));
static_assert(TINYMLP_UNEXPECTED_OPERATOR == static_cast<int>(status::unexpected_operator));
static_assert(TINYMLP_NOT_CONSTANT == static_cast<int>(status::not_constant));
static_assert(TINYMLP_WRONG_ELEMENT_TYPE == static_cast<int>(status::wrong_element_type));
static_assert(TINYMLP_INEXACT_CAST == static_cast<int>(status::inexact_cast));
static_assert(TINYMLP_BAD_DIMENSION == static_cast<int>(status::bad_dimension));
static_assert(TINYMLP_DIMENSION_OVERFLOW == static_cast<int>(status::dimension_overflow));
static_assert(TINYMLP_SHAPE_MISMATCH == static_cast<int>(status::shape_mismatch));
static_assert(TINYMLP_MISSING_DATA == static_cast<int>(status::missing_data));
static_assert(TINYMLP_AMBIGUOUS_DATA == static_cast<int>(status::ambiguous_data));
static_assert(TINYMLP_SHORT_DATA == static_cast<int>(status::short_data));
static_assert(TINYMLP_LONG_DATA == static_cast<int>(status::long_data));
static_assert(TINYMLP_EXTERNAL_DATA_MISSING == static_cast<int>(status::external_data_missing));
static_assert(TINYMLP_BAD_EXTERNAL_DATA == static_cast<int>(status::bad_external_data));
static_assert(TINYMLP_NON_FINITE_WEIGHT == static_cast<int>(status::non_finite_weight));
static_assert(TINYMLP_ZERO_STD == static_cast<int>(status::zero_std));
static_assert(TINYMLP_NON_FINITE_STD == static_cast<int>(status::non_finite_std));
static_assert(TINYMLP_BAD_SCALE == static_cast<int>(status::bad_scale));
static_assert(TINYMLP_BAD_ZERO_POINT == static_cast<int>(status::bad_zero_point));
static_assert(TINYMLP_VALUE_OUT_OF_RANGE == static_cast<int>(status::value_out_of_range));
static_assert(TINYMLP_NO_LAYERS == static_cast<int>(status::no_layers));
static_assert(TINYMLP_MIXED_PRECISION == static_cast<int>(status::mixed_precision));
static_assert(TINYMLP_NETWORK_MISMATCH == static_cast<int>(status::network_mismatch));
static_assert(TINYMLP_PRECISION_MISMATCH == static_cast<int>(status::precision_mismatch));
static_assert(TINYMLP_SIZE_MISMATCH == static_cast<int>(status::size_mismatch));
static_assert(TINYMLP_ISA_UNSUPPORTED == static_cast<int>(status::isa_unsupported));
static_assert(TINYMLP_SHORT_STORAGE == static_cast<int>(status::short_storage));
static_assert(TINYMLP_OUT_OF_MEMORY == static_cast<int>(status::out_of_memory));

} // namespace tinymlp::c_interface

extern "C" {

const char* tinymlp_version(void) {
#define TINYMLP_TEXT(x) #x
#define TINYMLP_DOTTED(a, b, c) TINYMLP_TEXT(a) "." TINYMLP_TEXT(b) "." TINYMLP_TEXT(c)
  return TINYMLP_DOTTED(TINYMLP_VERSION_MAJOR, TINYMLP_VERSION_MINOR, TINYMLP_VERSION_PATCH);
#undef TINYMLP_DOTTED
#undef TINYMLP_TEXT
}

const char* tinymlp_status_message(tinymlp_status status) {
  return tinymlp::c_interface::c_text(tinymlp::message(static_cast<tinymlp::status>(status)));
}
const char* tinymlp_status_advice(tinymlp_status status) {
  return tinymlp::c_interface::c_text(tinymlp::onnx::advice(static_cast<tinymlp::status>(status)));
}

size_t tinymlp_required_storage(const tinymlp_model* model, tinymlp_error* error) {
  tinymlp::c_interface::loader loader;
  const tinymlp::error why = loader.read(*model);
  tinymlp::c_interface::report(why, error);
  return why.code == tinymlp::status::ok ? loader.required() : 0;
}

const tinymlp_network* tinymlp_load(void* storage, size_t storage_size, const tinymlp_model* model,
                                    tinymlp_error* error) {
  tinymlp::c_interface::loader loader;
  tinymlp::error why = loader.read(*model);
  const tinymlp_network* network = nullptr;
  if (why.code == tinymlp::status::ok) {
    network = loader.place(storage, storage_size);
    if (network == nullptr) why = {tinymlp::status::short_storage, 0, "storage"};
  }
  tinymlp::c_interface::report(why, error);
  return network;
}

tinymlp_network* tinymlp_create(const tinymlp_model* model, tinymlp_error* error) {
  tinymlp::c_interface::loader loader;
  tinymlp::error why = loader.read(*model);
  tinymlp_network* network = nullptr;
  if (why.code == tinymlp::status::ok) {
    // malloc() aligns to more than the struct needs, so that it begins where the storage does
    static_assert(alignof(tinymlp_network) <= alignof(std::max_align_t));
    void* const storage = std::malloc(loader.required());
    network = loader.place(storage, loader.required());
    if (network == nullptr) why = {tinymlp::status::out_of_memory, 0, "storage"};
  }
  tinymlp::c_interface::report(why, error);
  return network;
}
void tinymlp_destroy(tinymlp_network* network) { std::free(network); }

const tinymlp_network* tinymlp_shipped(const char* name) {
  for (const tinymlp::c_interface::shipped_entry& entry : tinymlp::c_interface::shipped_networks)
    if (entry.name == tinymlp::c_interface::name_text(name)) return &entry.network;
  return nullptr;
}

size_t tinymlp_inputs(const tinymlp_network* network) { return network->inputs; }
size_t tinymlp_outputs(const tinymlp_network* network) { return network->outputs; }
size_t tinymlp_parameter_count(const tinymlp_network* network) { return network->parameters; }
const char* tinymlp_precision(const tinymlp_network* network) { return network->precision; }
size_t tinymlp_input_count(const tinymlp_network* network) { return network->graph_input_count; }
tinymlp_status tinymlp_get_input(const tinymlp_network* network, size_t index,
                                 tinymlp_input* input) {
  if (index >= network->graph_input_count) return TINYMLP_SIZE_MISMATCH;
  *input = network->graph_inputs[index];
  return TINYMLP_OK;
}
const char* tinymlp_output_name(const tinymlp_network* network) { return network->output_name; }

float tinymlp_score(const tinymlp_network* network, const float* row) {
  return network->call->score(*network, row);
}
void tinymlp_run(const tinymlp_network* network, const float* rows, size_t count, float* out) {
  network->call->run(*network, rows, count, out);
}

size_t tinymlp_isa_count(void) {
  size_t count = 0;
  while (tinymlp_isa_name(count) != nullptr) ++count;
  return count;
}
const char* tinymlp_isa_name(size_t index) {
  for (const tinymlp::isa which : tinymlp::supported())
    if (tinymlp::kernels::built().contains(which) && index-- == 0)
      return tinymlp::c_interface::c_text(tinymlp::name(which));
  return nullptr;
}
tinymlp_status tinymlp_run_on(const tinymlp_network* network, const char* isa_name,
                              const float* rows, size_t count, float* out) {
  const auto which = tinymlp::isa_from_name(tinymlp::c_interface::name_text(isa_name));
  if (!which) return TINYMLP_ISA_UNSUPPORTED;
  return static_cast<tinymlp_status>(network->call->run_on(*network, *which, rows, count, out));
}

void tinymlp_warm_up(const tinymlp_network* network) {
  static constexpr std::array<float, 4096> zeros{};
  std::array<float, 1024> out;
  const std::size_t width = (std::max)(network->inputs, 4 * network->outputs);
  if (width > zeros.size()) return;
  const std::size_t most = zeros.size() / width;
  tinymlp_run(network, zeros.data(), 1, out.data());
  tinymlp_run(network, zeros.data(), (std::min)(most, std::size_t{64}), out.data());
}

static tinymlp::vmaf::features tinymlp_features(const tinymlp_vmaf_features& f) noexcept {
  return {f.adm2, f.vif_scale0, f.vif_scale1, f.vif_scale2, f.vif_scale3, f.motion2};
}
float tinymlp_vmaf_score(const tinymlp_network* network, const tinymlp_vmaf_features* frame) {
  if (network->inputs != tinymlp::vmaf::feature_names.size())
    return std::numeric_limits<float>::quiet_NaN();
  return tinymlp_score(network, tinymlp_features(*frame).row().data());
}
float tinymlp_vmaf_clip(float score) { return tinymlp::vmaf::clip(score); }
float tinymlp_vmaf_phone(float score) { return tinymlp::vmaf::phone(score); }
int tinymlp_vmaf_in_verified_region(const tinymlp_vmaf_features* frame) {
  return tinymlp::vmaf::in_verified_region(tinymlp_features(*frame)) ? 1 : 0;
}

// The stream of vmaf.hpp, whose state is two public fields here.
int tinymlp_motion2_push(tinymlp_motion2_stream* stream, float motion, float* motion2) {
  tinymlp::vmaf::motion2_stream anew;
  if (stream->holds != 0) static_cast<void>(anew.push(stream->held));
  const std::optional<float> before = anew.push(motion);
  *stream = {motion, 1};
  if (before) *motion2 = *before;
  return before ? 1 : 0;
}
int tinymlp_motion2_flush(tinymlp_motion2_stream* stream, float* motion2) {
  const int held = stream->holds;
  if (held != 0) *motion2 = stream->held;
  *stream = {0, 0};
  return held != 0 ? 1 : 0;
}

} // extern "C"
#endif // TINYMLP_C_IMPLEMENTATION
