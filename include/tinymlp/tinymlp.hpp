// tinymlp: scores small multilayer perceptrons stored as ONNX. C++20, header-only, standard
// library only; works with -fno-exceptions -fno-rtti.
//
//   constexpr auto net = tinymlp::embed<tinymlp::mlp_medium>(onnx_bytes);  // by the compiler
//   auto loaded = tinymlp::load<tinymlp::mlp_medium>(bytes);               // at run time
//   float score = net.score(row);                                          // span of 6 floats
//   status done = net.score(rows, scores);                                   // N x 6 -> N
//   constexpr auto int8 = tinymlp::quantize(net);                          // int8 weights
//   constexpr auto fixed = *tinymlp::quantize(net, ranges);                // and fixed scales
//   const tinymlp::vmaf::features frame{.adm2 = 0.98F, ...};               // by name
//   float vmaf = tinymlp::vmaf::small().score(frame);                      // shipped weights
//
// The parts, in the order of the data's way through them:
#pragma once

// clang-format off
#include <tinymlp/version.hpp>   // macros
#include <tinymlp/error.hpp>     // status, error, result<T>
#include <tinymlp/protobuf.hpp>  // wire format
#include <tinymlp/onnx.hpp>      // model bytes -> plan
#include <tinymlp/isa.hpp>       // instruction sets: names, detection, choice
#include <tinymlp/network.hpp>   // network<...>: float32
#include <tinymlp/quantized.hpp> // quantized_network<...>: int8
#include <tinymlp/static_quantized.hpp> // static_quantized_network<...>: int8, scales beforehand
#include <tinymlp/mlp.hpp>       // mlp<...>: any sequence of layers and activations
#include <tinymlp/load.hpp>      // load at run time, embed at compile time
#include <tinymlp/any_network.hpp> // any shape at run time
#include <tinymlp/warm_up.hpp>   // the first call, paid beforehand
#include <tinymlp/vmaf.hpp>      // VMAF: features, motion2, shipped networks
// clang-format on
