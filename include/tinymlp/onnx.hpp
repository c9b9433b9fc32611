// The ONNX subset: model bytes -> plan, at compile time and at run time by the same functions.
// What is accepted: onnx/README.md. Everything else is refused, with the reason, the byte offset
// and the name in question.
#pragma once

#include <tinymlp/onnx/advice.hpp>
#include <tinymlp/onnx/builder.hpp>
#include <tinymlp/onnx/graph.hpp>
#include <tinymlp/onnx/plan.hpp>
#include <tinymlp/onnx/tensor.hpp>

#include <cstddef>
#include <span>
#include <string_view>

namespace tinymlp::onnx {

// A file's bytes, of whichever type they are kept.
inline std::span<const char> chars(std::span<const unsigned char> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline std::span<const char> chars(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Reads a model and reduces it to a plan, or refuses it whole. The plan views the model's bytes and
// those of `external` (the files of external tensor data, if any): keep them alive. The output that
// is computed is the one of that name; or, without a name, the first that is an MLP. Allocates
// nothing; `to` is 9 KiB, and about as much stack is used on top. After a refusal `to` is void.
constexpr error parse_into(plan& to, std::span<const char> model, external_files external = {},
                           std::string_view output_name = {}) noexcept {
  graph g;
  if (const error e = parse_model(model, external, g); failed(e)) return e;
  return detail::plan_builder(g, to).build(output_name);
}

// Likewise, as a value: with the plan once more on the stack.
constexpr result<plan> parse(std::span<const char> model, external_files external = {},
                             std::string_view output_name = {}) noexcept {
  plan p;
  if (const error e = parse_into(p, model, external, output_name); failed(e)) return e;
  return p;
}

// All that keeps a file from being read as an MLP, not only the first: how many obstacles there
// are; the first of them, as many as there is room for, in `to`. 0: parse() accepts it. Those of
// the output of that name; without a name, of the first float32 output. For people: slower than
// parse(), and with about 5 KiB more stack.
constexpr std::size_t find_obstacles(std::span<const char> model, external_files external,
                                     std::string_view output_name, std::span<error> to) noexcept {
  graph g;
  plan p;
  const error whole = parse_model(model, external, g);
  if (!failed(whole)) return detail::plan_builder(g, p).list(output_name, to);
  if (!to.empty()) to[0] = whole; // what is not well-formed is not read on
  return 1;
}

} // namespace tinymlp::onnx
