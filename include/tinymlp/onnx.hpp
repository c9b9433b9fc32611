// The ONNX subset: model bytes -> plan, at compile time and at run time by the same functions.
//
// Accepted: IR version 3 and up, operator sets 7 to 23 (ai.onnx.ml: 1 to 5), one float32 input [N,
// K], one output [N] or [N, 1]. In this order:
//   scaler       Sub, then Div or Mul; or ai.onnx.ml Scaler; or none
//   dense layer  Gemm; or MatMul, Add; or DynamicQuantizeLinear, MatMulInteger, Cast, Mul, Add
//   Relu         between dense layers
//   way out      any of Squeeze, Reshape, Flatten
// with Identity anywhere, and constants as initializers or Constant nodes. Everything else is
// refused, with the reason, the byte offset and the name in question.
#pragma once

#include <tinymlp/onnx/graph.hpp>
#include <tinymlp/onnx/plan.hpp>
#include <tinymlp/onnx/tensor.hpp>
