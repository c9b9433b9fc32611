// What to do about a refusal, for people: with message() and the error's own numbers this says what
// was found, what is accepted, and how to export the model so that it is.
#pragma once

#include <tinymlp/onnx/tensor.hpp>

#include <cstdint>
#include <string_view>

namespace tinymlp::onnx {

// What the error's `found` and `accepted` count.
enum class unit : std::uint8_t { none, element_type, opset, operands, limit, values, attribute };
constexpr unit unit_of(status code) noexcept {
  switch (code) {
  case status::wrong_element_type: return unit::element_type;
  case status::operator_needs_newer_opset:
  case status::bad_opset:
  case status::bad_ir_version: return unit::opset;
  case status::wrong_arity: return unit::operands;
  case status::too_many_nodes:
  case status::too_many_tensors:
  case status::too_many_layers:
  case status::too_many_steps:
  case status::extra_input:
  case status::dimension_overflow: return unit::limit;
  case status::shape_mismatch:
  case status::bad_dimension: return unit::values;
  case status::bad_attribute: return unit::attribute;
  default: return unit::none;
  }
}

// The heading of include/tinymlp/onnx/README.md that lists what is accepted instead, as an anchor;
// empty for errors of calls.
constexpr std::string_view section(status code) noexcept {
  switch (code) {
  case status::ok:
  case status::network_mismatch:
  case status::precision_mismatch:
  case status::size_mismatch:
  case status::isa_unsupported:
  case status::short_storage:
  case status::out_of_memory: return {};
  case status::truncated:
  case status::bad_varint:
  case status::bad_field:
  case status::wrong_wire_type:
  case status::unknown_field:
  case status::duplicate_field:
  case status::missing_graph:
  case status::bad_ir_version:
  case status::bad_opset:
  case status::unsupported_feature:
  case status::missing_op_type:
  case status::missing_name:
  case status::duplicate_name:
  case status::dangling_name:
  case status::not_sorted: return "files";
  case status::file_too_large:
  case status::too_many_nodes:
  case status::too_many_tensors:
  case status::too_many_layers:
  case status::too_many_steps:
  case status::extra_input:
  case status::dimension_overflow: return "limits";
  case status::missing_input:
  case status::missing_output:
  case status::unknown_output:
  case status::disconnected_output:
  case status::no_layers: return "inputs-and-outputs";
  case status::unsupported_domain:
  case status::unsupported_operator:
  case status::operator_needs_newer_opset:
  case status::wrong_arity:
  case status::unsupported_attribute:
  case status::bad_attribute: return "operators";
  case status::branch:
  case status::unexpected_operator: return "patterns";
  case status::bad_dimension:
  case status::shape_mismatch: return "shapes";
  case status::not_constant:
  case status::wrong_element_type:
  case status::inexact_cast:
  case status::missing_data:
  case status::ambiguous_data:
  case status::short_data:
  case status::long_data:
  case status::external_data_missing:
  case status::bad_external_data:
  case status::non_finite_weight:
  case status::zero_std:
  case status::non_finite_std:
  case status::value_out_of_range: return "constants";
  case status::bad_scale:
  case status::bad_zero_point:
  case status::mixed_precision: return "int8";
  }
  return {};
}

// What to do at the exporter, as far as the code alone tells; empty where there is nothing but to
// repair the file.
constexpr std::string_view advice(status code) noexcept {
  switch (code) {
  case status::bad_ir_version:
  case status::bad_opset: return "export again with an operator set from 7 to 26";
  case status::operator_needs_newer_opset: return "export again with a newer operator set";
  case status::unsupported_feature:
    return "export a plain inference graph: no functions (inline_local_functions), control flow or "
           "sparse tensors, evaluation mode";
  case status::unsupported_domain:
    return "export with standard operators: no contrib operators of an optimised ONNX Runtime file";
  case status::unsupported_operator:
    return "an operator or activation that is not listed: train with one that is, or leave this "
           "operator out of the exported part of the model, and compute it outside";
  case status::unsupported_attribute:
    return "leave this operator out of the exported part of the model, and compute it outside";
  case status::branch:
    return "residual connections, gates and several parallel paths are not MLPs; name another "
           "output";
  case status::unexpected_operator:
    return "export the operator where the patterns have it, or leave it out of the exported part";
  case status::not_constant:
    return "fold constants at export (do_constant_folding, onnxsim), and do not compute weights";
  case status::wrong_element_type:
    return "export in float32: model.float() before the export, no half or double";
  case status::inexact_cast: return "convert the constants to float32 before the export";
  case status::bad_dimension:
  case status::shape_mismatch:
    return "give each input 1 to 4 dimensions, of which only the rows may be symbolic, and the "
           "number of features at export";
  case status::no_layers:
  case status::disconnected_output:
  case status::unknown_output:
    return "name an output that is computed by dense layers (--output-name)";
  case status::external_data_missing: return "keep the data file beside the model, or embed it";
  case status::non_finite_weight:
  case status::non_finite_std: return "the training diverged, or a scaler saw no finite data";
  case status::zero_std:
    return "a feature is constant: leave it out, or set its standard deviation to 1";
  case status::bad_scale:
  case status::bad_zero_point:
  case status::mixed_precision:
    return "quantise again: weights int8 and symmetric, all layers alike (tinymlp quantize)";
  case status::too_many_nodes:
  case status::too_many_tensors: return "fold constants at export (do_constant_folding, onnxsim)";
  case status::missing_graph: return "this is no ONNX file, or an empty one: export it again";
  default: return {};
  }
}

// What to do about this refusal: more than its code tells, where the operator or a type says more.
constexpr std::string_view advice(const error& why) noexcept {
  const std::string_view op = why.op_type;
  const auto found = static_cast<element>(why.found), wanted = static_cast<element>(why.accepted);
  switch (why.code) {
  case status::bad_ir_version:
    if (why.found <= 0) return "this is no ONNX file, or an empty one: export it again";
    break;
  case status::unsupported_feature:
    if (why.where == "functions") return "inline them: onnx.inliner.inline_local_functions";
    if (why.where == "sparse_initializer") return "store the constants dense, as initializers";
    break;
  case status::unsupported_operator:
    if (op == "Einsum" || op == "Conv" || op == "ConvInteger" || op == "FusedMatMul")
      return "a dense layer written as another product: export it as MatMul or Gemm (Linear, "
             "Dense)";
    if (op == "Where" || op == "IsNaN" || op == "IsInf" || op == "Imputer")
      return "leave choices and the replacement of bad numbers out of the exported part: a NaN or "
             "infinite feature gives NaN";
    if (op == "DequantizeLinear")
      return "export in float32 and quantise afterwards (tinymlp quantize, quantize_dynamic)";
    break;
  case status::wrong_arity:
    if (op == "Max" || op == "Min" || op == "Sum")
      return "combine values two at a time, one operator after the other";
    break;
  case status::not_constant:
    if (op == "Clip" || op == "Min" || op == "Max")
      return "bounds are constants of one number each: not one for each feature, and not NaN";
    break;
  case status::unexpected_operator:
    if (op == "Concat") return "join the inputs in the order in which the graph has them";
    break;
  case status::branch:
    if (op == "Concat")
      return "one Concat of all inputs, in the graph's order, or one of 1 - p and p, in this "
             "order; write nested ones as one";
    break;
  case status::bad_dimension:
  case status::shape_mismatch:
    if (op == "Gather" || op == "Slice" || op == "Split")
      return "take one part of neighbouring values, in their order; put features or weights in "
             "another order before the export";
    break;
  case status::wrong_element_type:
    if (wanted == element::int64) return "indices, shapes and axes are integers: export as int64";
    if (wanted == element::int8 || wanted == element::uint8) return advice(status::bad_scale);
    if (found == element::int64 || found == element::int32 || found == element::string)
      return "of a classifier, name the output of the probabilities, not the labels; all else is "
             "float32";
    break;
  default: break;
  }
  return advice(why.code);
}

} // namespace tinymlp::onnx
