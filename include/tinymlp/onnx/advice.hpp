// What to do about a refusal, for people: with message() and the error's own numbers this says what
// was found, what is accepted, and how to export the model so that it is.
#pragma once

#include <tinymlp/onnx/tensor.hpp>

#include <cstdint>
#include <string_view>

namespace tinymlp::onnx {

// What the error's `found` and `accepted` count.
enum class unit : std::uint8_t { none, element_type, opset, operands, limit, values, attribute };
constexpr unit unit_of(errc code) noexcept {
  switch (code) {
  case errc::wrong_element_type: return unit::element_type;
  case errc::operator_needs_newer_opset:
  case errc::bad_opset:
  case errc::bad_ir_version: return unit::opset;
  case errc::wrong_arity: return unit::operands;
  case errc::too_many_nodes:
  case errc::too_many_tensors:
  case errc::too_many_layers:
  case errc::too_many_steps:
  case errc::extra_input:
  case errc::dimension_overflow: return unit::limit;
  case errc::shape_mismatch:
  case errc::bad_dimension: return unit::values;
  case errc::bad_attribute: return unit::attribute;
  default: return unit::none;
  }
}

// The heading of include/tinymlp/onnx/README.md that lists what is accepted instead, as an anchor;
// empty for errors of calls.
constexpr std::string_view section(errc code) noexcept {
  switch (code) {
  case errc::ok:
  case errc::network_mismatch:
  case errc::precision_mismatch:
  case errc::size_mismatch:
  case errc::isa_unsupported:
  case errc::short_storage:
  case errc::out_of_memory: return {};
  case errc::truncated:
  case errc::bad_varint:
  case errc::bad_field:
  case errc::wrong_wire_type:
  case errc::unknown_field:
  case errc::duplicate_field:
  case errc::missing_graph:
  case errc::bad_ir_version:
  case errc::bad_opset:
  case errc::unsupported_feature:
  case errc::missing_op_type:
  case errc::missing_name:
  case errc::duplicate_name:
  case errc::dangling_name:
  case errc::not_sorted: return "files";
  case errc::file_too_large:
  case errc::too_many_nodes:
  case errc::too_many_tensors:
  case errc::too_many_layers:
  case errc::too_many_steps:
  case errc::extra_input:
  case errc::dimension_overflow: return "limits";
  case errc::missing_input:
  case errc::missing_output:
  case errc::unknown_output:
  case errc::disconnected_output:
  case errc::no_layers: return "inputs-and-outputs";
  case errc::unsupported_domain:
  case errc::unsupported_operator:
  case errc::operator_needs_newer_opset:
  case errc::wrong_arity:
  case errc::unsupported_attribute:
  case errc::bad_attribute: return "operators";
  case errc::branch:
  case errc::unexpected_operator: return "patterns";
  case errc::bad_dimension:
  case errc::shape_mismatch: return "shapes";
  case errc::not_constant:
  case errc::wrong_element_type:
  case errc::inexact_cast:
  case errc::missing_data:
  case errc::ambiguous_data:
  case errc::short_data:
  case errc::long_data:
  case errc::external_data_missing:
  case errc::bad_external_data:
  case errc::non_finite_weight:
  case errc::zero_std:
  case errc::non_finite_std:
  case errc::value_out_of_range: return "constants";
  case errc::bad_scale:
  case errc::bad_zero_point:
  case errc::mixed_precision: return "int8";
  }
  return {};
}

// What to do at the exporter; empty where there is nothing but to repair the file.
constexpr std::string_view advice(errc code) noexcept {
  switch (code) {
  case errc::bad_ir_version:
  case errc::bad_opset: return "export again with an operator set from 7 to 26";
  case errc::operator_needs_newer_opset: return "export again with a newer operator set";
  case errc::unsupported_feature:
    return "export a plain inference graph: no functions (inline_local_functions), control flow or "
           "sparse tensors, evaluation mode";
  case errc::unsupported_domain:
    return "export with standard operators: no contrib operators of an optimised ONNX Runtime file";
  case errc::unsupported_operator:
  case errc::unsupported_attribute:
    return "leave this operator out of the exported part of the model, and compute it outside";
  case errc::branch:
    return "residual connections, gates and several parallel paths are not MLPs; name another "
           "output";
  case errc::unexpected_operator:
    return "export the operator where the patterns have it, or leave it out of the exported part";
  case errc::not_constant:
    return "fold constants at export (do_constant_folding, onnxsim), and do not compute weights";
  case errc::wrong_element_type:
    return "export in float32: model.float() before the export, no half or double";
  case errc::inexact_cast: return "convert the constants to float32 before the export";
  case errc::bad_dimension:
  case errc::shape_mismatch:
    return "only the rows may be a symbolic dimension: give the number of features at export";
  case errc::no_layers:
  case errc::disconnected_output:
  case errc::unknown_output:
    return "name an output that is computed by dense layers (--output-name)";
  case errc::external_data_missing: return "keep the data file beside the model, or embed it";
  case errc::non_finite_weight:
  case errc::non_finite_std: return "the training diverged, or a scaler saw no finite data";
  case errc::zero_std:
    return "a feature is constant: leave it out, or set its standard deviation to 1";
  case errc::bad_scale:
  case errc::bad_zero_point:
  case errc::mixed_precision:
    return "quantise again: weights int8 and symmetric, all layers alike (tinymlp quantize)";
  case errc::too_many_nodes:
  case errc::too_many_tensors: return "fold constants at export (do_constant_folding, onnxsim)";
  default: return {};
  }
}

} // namespace tinymlp::onnx
