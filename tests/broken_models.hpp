// How tests break a good model, and tell where the error must point.
#pragma once

#include "onnx_writer.hpp"

#include <doctest/doctest.h>

#include <tinymlp/error.hpp>

#include <cstddef>
#include <limits>
#include <string_view>

namespace broken_models {

namespace w = onnx_writer;
using tinymlp::status;
using w::bytes, w::model;

// Where the offset must point: `delta` bytes into `around`, which occurs once in the file; or
// `delta` bytes before the file's end; or to its start.
struct place {
  enum class kind { in, before_end, start } of = kind::start;
  bytes around;
  std::size_t delta = 0;
};
inline place in(const bytes& around, std::size_t delta = 0) {
  return {place::kind::in, around, delta};
}
// At the start of `part`, which occurs in `around` once.
inline place in(const bytes& around, const bytes& part) {
  REQUIRE(around.find(part) != std::string_view::npos);
  REQUIRE(around.find(part) == around.view().rfind(part));
  return in(around, around.find(part));
}
inline place before_end(std::size_t n) { return {place::kind::before_end, {}, n}; }
inline const place start{};

struct row {
  const char* what;
  status code;
  std::string_view where;
  place (*break_it)(model&); // breaks a good model, and tells where the error must point
};

inline constexpr float nan = std::numeric_limits<float>::quiet_NaN();
inline constexpr float inf = std::numeric_limits<float>::infinity();
inline constexpr float huge = std::numeric_limits<float>::max();

inline place at_initializer(model& m, std::string_view name) {
  return in(m.g.initializer(name).write());
}
inline place at_node(model& m, std::string_view output) { return in(m.g.producer(output).write()); }
// Byte `i * 4` of the tensor's raw data.
inline place at_element(model& m, std::string_view name, std::size_t i) {
  return in(w::field(9, m.g.initializer(name).raw_data()),
            w::field(9, m.g.initializer(name).raw_data()).size() -
                m.g.initializer(name).raw_data().size() + 4 * i);
}
// The field is put at the end of the file.
inline place append(model& m, const bytes& field) {
  m.extra = field;
  return before_end(field.size());
}
inline place append_to_graph(model& m, const bytes& field) {
  m.g.extra = field;
  return in(m.g.write(), m.g.write().size() - field.size());
}
inline place append_to_tensor(model& m, std::string_view name, const bytes& field) {
  w::tensor& t = m.g.initializer(name);
  t.extra = field;
  return in(t.write(), t.write().size() - field.size());
}
// The attribute is the node's last. Its offset is that of its message.
inline place append_to_node(model& m, std::string_view output, const w::attribute& a) {
  w::node& n = m.g.producer(output);
  n.attributes.push_back(a);
  return in(n.write(), n.write().size() - a.write().size());
}
// Likewise, pointing to the last field of the attribute, `back` bytes before its end.
inline place append_to_node(model& m, std::string_view output, const w::attribute& a,
                            std::size_t back) {
  place p = append_to_node(m, output, a);
  p.delta += a.write().size() - back;
  return p;
}
inline place replace_data(model& m, std::string_view name, std::size_t i, float value) {
  m.g.initializer(name).floats[i] = value;
  return at_element(m, name, i);
}
inline w::node& insert(model& m, std::size_t at, const w::node& n) {
  return *m.g.nodes.insert(m.g.nodes.begin() + static_cast<std::ptrdiff_t>(at), n);
}
// A chain is cut open after `output`: what used it uses `renamed` instead.
inline void reconnect(model& m, std::string_view output, const bytes& renamed) {
  for (w::node& n : m.g.nodes)
    for (bytes& input : n.inputs)
      if (input.view() == output) input = renamed;
}

inline std::size_t expected_offset(const bytes& file, const place& p) {
  if (p.of == place::kind::start) return 0;
  if (p.of == place::kind::before_end) return file.size() - p.delta;
  const std::size_t at = file.find(p.around);
  REQUIRE(at != std::string_view::npos);
  CHECK(at == file.view().rfind(p.around)); // once only, lest it point elsewhere
  return at + p.delta;
}

} // namespace broken_models
