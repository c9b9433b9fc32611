// Errors are values: a code, the byte offset in the model file, and the node, tensor or
// operator in question. Nothing here throws, allocates or prints.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#if defined(TINYMLP_SINGLE_HEADER)
#error "tinymlp: <tinymlp.hpp> and parts of it, <tinymlp/...>, are in one file: include either"
#endif
#define TINYMLP_PARTS

#if (defined(_MSVC_LANG) ? _MSVC_LANG : __cplusplus) < 202002L
#error "tinymlp: needs C++20 (-std=c++20)"
#endif
// The numeric contract (same bits on every machine) needs IEEE 754 single precision as written:
// no reassociation, no assumption that NaN does not occur, no excess precision.
#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) ||           \
    defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || defined(_M_FP_FAST)
#error "tinymlp: compile without -ffast-math (nor -Ofast, -ffinite-math-only, -fassociative-math)"
#endif
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0
#error "tinymlp: float must be evaluated as float; on 32-bit x86 use -msse2 -mfpmath=sse"
#endif

namespace tinymlp {

// Why a model, or a call, was refused. `ok` is zero.
enum class status : std::uint8_t {
  ok = 0,
  // wire format
  truncated,
  bad_varint,
  bad_field,
  wrong_wire_type,
  unknown_field,
  duplicate_field,
  // model
  file_too_large,
  missing_graph,
  bad_ir_version,
  bad_opset,
  unsupported_feature,
  unsupported_domain,
  unsupported_operator,
  missing_op_type,
  operator_needs_newer_opset,
  wrong_arity,
  unsupported_attribute,
  bad_attribute,
  too_many_nodes,
  too_many_tensors,
  too_many_layers,
  too_many_steps,
  // inputs and outputs of the graph
  missing_input,
  extra_input,
  missing_output,
  unknown_output,
  // names and edges
  missing_name,
  duplicate_name,
  dangling_name,
  not_sorted,
  branch,
  disconnected_output,
  unexpected_operator,
  not_constant,
  // types and shapes
  wrong_element_type,
  inexact_cast,
  bad_dimension,
  dimension_overflow,
  shape_mismatch,
  // tensor contents
  missing_data,
  ambiguous_data,
  short_data,
  long_data,
  external_data_missing,
  bad_external_data,
  non_finite_weight,
  zero_std,
  non_finite_std,
  bad_scale,
  bad_zero_point,
  value_out_of_range,
  // the chain: affine steps, dense layers and what follows them
  no_layers,
  mixed_precision,
  // plan against network
  network_mismatch,
  precision_mismatch,
  // calls
  size_mismatch,
  isa_unsupported,
  short_storage,
  out_of_memory,
};
using errc = status; // as it was called; beside `using namespace std` that name is ambiguous

// A plain sentence fragment, for people. Never empty.
constexpr std::string_view message(status code) noexcept {
  switch (code) {
  case status::ok: return "no error";
  case status::truncated: return "the bytes end inside a field";
  case status::bad_varint: return "a varint does not fit 64 bits";
  case status::bad_field: return "a field number or wire type that protobuf does not allow";
  case status::wrong_wire_type: return "a known field has the wrong wire type";
  case status::unknown_field: return "trailing bytes or a field that ModelProto does not have";
  case status::duplicate_field: return "a message that may occur once occurs twice";
  case status::file_too_large: return "the model's file is larger than 2 GiB";
  case status::missing_graph: return "the model has no graph";
  case status::bad_ir_version: return "the IR version is missing or below 3";
  case status::bad_opset:
    return "the opset is missing, repeated or outside 7 to 26 (ai.onnx.ml: 1 to 5)";
  case status::unsupported_feature:
    return "functions, training info, sparse tensors, segments, subgraphs or overloads are not "
           "supported";
  case status::unsupported_domain: return "the operator's domain is not supported, or not imported";
  case status::unsupported_operator: return "the operator is not supported";
  case status::missing_op_type: return "a node has no operator type";
  case status::operator_needs_newer_opset: return "the operator needs a newer opset than imported";
  case status::wrong_arity: return "the operator has too few or too many inputs or outputs";
  case status::unsupported_attribute: return "the operator does not have this attribute";
  case status::bad_attribute: return "an attribute has an unsupported type or value";
  case status::too_many_nodes: return "the graph has more nodes than the parser holds";
  case status::too_many_tensors: return "the graph has more tensors than the parser holds";
  case status::too_many_layers: return "the network has more layers than the parser holds";
  case status::too_many_steps: return "the network has more operations than the parser holds";
  case status::missing_input: return "the graph has no input";
  case status::extra_input: return "the graph has more inputs than the parser holds";
  case status::missing_output: return "the graph has no output";
  case status::unknown_output: return "the graph has no output of that name";
  case status::missing_name: return "a tensor, input or output has no name";
  case status::duplicate_name: return "two values have the same name";
  case status::dangling_name: return "a name that nothing in the graph defines";
  case status::not_sorted:
    return "a value is used before it is computed (a cycle, or unsorted nodes)";
  case status::branch: return "two computed values meet, other than in a pattern that is known";
  case status::disconnected_output: return "the output does not depend on the inputs";
  case status::unexpected_operator:
    return "the operator is not supported at this place in the chain";
  case status::not_constant: return "an operand that must be constant is computed";
  case status::wrong_element_type: return "a tensor has an unsupported element type here";
  case status::inexact_cast: return "a constant of another type that float32 does not hold exactly";
  case status::bad_dimension: return "a dimension is negative, zero, missing or symbolic";
  case status::dimension_overflow: return "the product of the dimensions is too large";
  case status::shape_mismatch: return "the shapes do not chain";
  case status::missing_data: return "a tensor has no data";
  case status::ambiguous_data: return "a tensor holds its data in more than one field";
  case status::short_data: return "a tensor has less data than its dimensions need";
  case status::long_data: return "a tensor has more data than its dimensions need";
  case status::external_data_missing: return "external data that was not passed in";
  case status::bad_external_data: return "external data with a bad location, offset or length";
  case status::non_finite_weight:
    return "a weight, bias or mean is NaN, infinite or overflows float32";
  case status::zero_std: return "a divisor (a scaler's std) is zero";
  case status::non_finite_std:
    return "a divisor or factor (a scaler's std or scale) is NaN or infinite";
  case status::bad_scale: return "a quantisation scale is not a positive finite number";
  case status::bad_zero_point:
    return "a zero point: a weight's is not 0, or an activation's not its quantiser's";
  case status::value_out_of_range: return "a stored value does not fit the tensor's element type";
  case status::no_layers: return "the graph has no dense layer";
  case status::mixed_precision: return "float32, dynamic int8 and static int8 layers in one graph";
  case status::network_mismatch: return "the model's layer sizes are not those of the network";
  case status::precision_mismatch: return "the model's precision is not the network's";
  case status::size_mismatch: return "rows and scores do not have matching sizes";
  case status::isa_unsupported:
    return "this CPU, or this build, does not support the instruction set";
  case status::short_storage: return "the storage is smaller than required_storage() tells";
  case status::out_of_memory: return "the heap has no room for the network";
  }
  return "unknown error";
}

// What was refused, where and in which part. `where` views the model's bytes (or a literal): keep
// them alive while it is read. `offset` counts bytes from the start of the file.
// The rest is there where it helps: the operator of the node, a number or type that was found and
// what it should be, and the shape that was found (rank 0: none told; a dimension of 0 is
// symbolic).
struct error {
  status code = status::ok;               // why
  std::size_t offset = 0;                 // of the byte in the file
  std::string_view where{};               // the node, tensor or part
  std::string_view op_type{};             // of the node, if it is one
  std::int64_t found = -1, accepted = -1; // -1: not told
  std::uint8_t rank = 0;                  // of the shape that was found
  std::array<std::uint32_t, 4> dims{};    // its first `rank` count
};

// A value or an error, shaped like std::expected<T, error> (C++23). No allocation, no exceptions.
// Reading the value of a failed result is undefined, as for std::expected's operator*.
template <class T> class [[nodiscard]] result {
  static_assert(std::is_trivially_destructible_v<T>);

public:
  // From either, without a word, so that a function returns what it has.
  constexpr result(const T& value) noexcept : value_(value), has_value_(true) {}
  constexpr result(const tinymlp::error& why) noexcept : error_(why), has_value_(false) {}

  // Whether there is a value.
  constexpr bool has_value() const noexcept { return has_value_; }
  constexpr explicit operator bool() const noexcept { return has_value_; }
  // The value, which must be there.
  constexpr const T& value() const noexcept { return value_; }
  constexpr const T& operator*() const noexcept { return value_; }
  constexpr const T* operator->() const noexcept { return &value_; }
  // The value, or `other` where there is none.
  constexpr T value_or(const T& other) const noexcept { return has_value_ ? value_ : other; }
  // status::ok when there is a value.
  constexpr tinymlp::error error() const noexcept { return has_value_ ? tinymlp::error{} : error_; }

private:
  union {
    T value_;
    tinymlp::error error_;
  };
  bool has_value_;
};

} // namespace tinymlp
