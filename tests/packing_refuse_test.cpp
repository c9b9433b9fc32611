// What a plan is refused for when it is packed into a network: its shape, its precision, and
// weights that overflow when something is folded into them. (Refusals of files:
// onnx_refuse_test.cpp.)
#include "onnx_writer.hpp"

#include <doctest/doctest.h>

#include <tinymlp/load.hpp>
#include <tinymlp/network.hpp>
#include <tinymlp/quantized.hpp>
#include <tinymlp/static_quantized.hpp>

#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using tinymlp::errc;
namespace w = onnx_writer;
using w::bytes, w::model, w::storage;

namespace {

// Where the offset must point: `delta` bytes into `around`, which occurs once in the file; or
// `delta` bytes before the file's end; or to its start.
struct place {
  enum class kind { in, before_end, start } of = kind::start;
  bytes around;
  std::size_t delta = 0;
};
place in(const bytes& around, std::size_t delta = 0) { return {place::kind::in, around, delta}; }
// At the start of `part`, which occurs in `around` once.
place in(const bytes& around, const bytes& part) {
  REQUIRE(around.find(part) != std::string_view::npos);
  REQUIRE(around.find(part) == around.view().rfind(part));
  return in(around, around.find(part));
}
[[maybe_unused]] place before_end(std::size_t n) { return {place::kind::before_end, {}, n}; }
const place start{};

struct row {
  const char* what;
  errc code;
  std::string_view where;
  place (*break_it)(model&); // breaks a good model, and tells where the error must point
};

[[maybe_unused]] constexpr float nan = std::numeric_limits<float>::quiet_NaN();
[[maybe_unused]] constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float huge = std::numeric_limits<float>::max();

[[maybe_unused]] place at_initializer(model& m, std::string_view name) {
  return in(m.g.initializer(name).write());
}
place at_node(model& m, std::string_view output) { return in(m.g.producer(output).write()); }
// Byte `i * 4` of the tensor's raw data.
place at_element(model& m, std::string_view name, std::size_t i) {
  return in(w::field(9, m.g.initializer(name).raw_data()),
            w::field(9, m.g.initializer(name).raw_data()).size() -
                m.g.initializer(name).raw_data().size() + 4 * i);
}
// The field is put at the end of the file.
[[maybe_unused]] place append(model& m, const bytes& field) {
  m.extra = field;
  return before_end(field.size());
}
[[maybe_unused]] place append_to_graph(model& m, const bytes& field) {
  m.g.extra = field;
  return in(m.g.write(), m.g.write().size() - field.size());
}
[[maybe_unused]] place append_to_tensor(model& m, std::string_view name, const bytes& field) {
  w::tensor& t = m.g.initializer(name);
  t.extra = field;
  return in(t.write(), t.write().size() - field.size());
}
// The attribute is the node's last. Its offset is that of its message.
[[maybe_unused]] place append_to_node(model& m, std::string_view output, const w::attribute& a) {
  w::node& n = m.g.producer(output);
  n.attributes.push_back(a);
  return in(n.write(), n.write().size() - a.write().size());
}
// Likewise, pointing to the last field of the attribute, `back` bytes before its end.
[[maybe_unused]] place append_to_node(model& m, std::string_view output, const w::attribute& a,
                                      std::size_t back) {
  place p = append_to_node(m, output, a);
  p.delta += a.write().size() - back;
  return p;
}
place replace_data(model& m, std::string_view name, std::size_t i, float value) {
  m.g.initializer(name).floats[i] = value;
  return at_element(m, name, i);
}
[[maybe_unused]] w::node& insert(model& m, std::size_t at, const w::node& n) {
  return *m.g.nodes.insert(m.g.nodes.begin() + static_cast<std::ptrdiff_t>(at), n);
}
// A chain is cut open after `output`: what used it uses `renamed` instead.
[[maybe_unused]] void reconnect(model& m, std::string_view output, const bytes& renamed) {
  for (w::node& n : m.g.nodes)
    for (bytes& input : n.inputs)
      if (input.view() == output) input = renamed;
}

const std::vector<row> float_rows{
    {"a weight that overflows by alpha", errc::non_finite_weight, "w0",
     [](model& m) {
       m.g.producer("h0").attributes.push_back(w::float_attribute("alpha", 4));
       return replace_data(m, "w0", 2, -huge / 2);
     }},
    {"a bias that overflows by beta", errc::non_finite_weight, "b1",
     [](model& m) {
       m.g.producer("h1").attributes.push_back(w::float_attribute("beta", 3));
       return replace_data(m, "b1", 0, huge / 2);
     }},
    {"a weight that overflows divided by std", errc::non_finite_weight, "w0",
     [](model& m) {
       m.g.initializer("std").floats[1] = 1e-30F;
       return replace_data(m, "w0", 4, 1e30F);
     }},
    {"a weight that overflows times the scaler's factor", errc::non_finite_weight, "w0",
     [](model& m) {
       m.g.producer("scaled").op_type = "Mul";
       m.g.initializer("std").floats[1] = 1e30F;
       return replace_data(m, "w0", 4, 1e30F);
     }},
    {"another number of layers in a graph without a name", errc::network_mismatch, "graph",
     [](model& m) {
       m = w::fp32_model({3, 2, 2, 1});
       m.g.name = {};
       return start;
     }},
    {"another hidden size", errc::network_mismatch, "h0",
     [](model& m) {
       m = w::fp32_model({3, 4, 1});
       return at_node(m, "h0");
     }},
    {"another number of inputs", errc::network_mismatch, "first",
     [](model& m) {
       m = w::fp32_model({2, 2, 1});
       m.g.producer("h0").name = "first";
       return at_node(m, "h0");
     }},
    {"another number of layers", errc::network_mismatch, "deep",
     [](model& m) {
       m = w::fp32_model({3, 2, 2, 1});
       m.g.name = "deep";
       return start;
     }},
    {"int8 layers for a float32 network", errc::precision_mismatch, "dynamic int8",
     [](model& m) {
       m = w::int8_model({3, 2, 1});
       return at_node(m, "q0");
     }},
    {"static int8 layers for a float32 network", errc::precision_mismatch, "static int8",
     [](model& m) {
       m = w::static_model({3, 2, 1});
       return at_node(m, "q0");
     }},
};

const std::vector<row> int8_rows{
    {"float32 layers for an int8 network", errc::precision_mismatch, "fp32",
     [](model& m) {
       m = w::fp32_model({3, 2, 1});
       return at_node(m, "h0");
     }},
    {"fixed scales for a network without", errc::precision_mismatch, "static int8",
     [](model& m) {
       m = w::static_model({3, 2, 1});
       return at_node(m, "q0");
     }},
    {"another hidden size", errc::network_mismatch, "q0",
     [](model& m) {
       m = w::int8_model({3, 4, 1});
       return at_node(m, "q0");
     }},
};

const std::vector<row> static_rows{
    {"another hidden size", errc::network_mismatch, "q0",
     [](model& m) {
       m = w::static_model({3, 4, 1});
       return at_node(m, "q0");
     }},
    {"float32 layers for a static network", errc::precision_mismatch, "fp32",
     [](model& m) {
       m = w::fp32_model({3, 2, 1});
       return at_node(m, "h0");
     }},
    {"dynamic scales for a static network", errc::precision_mismatch, "dynamic int8",
     [](model& m) {
       m = w::int8_model({3, 2, 1});
       return at_node(m, "q0");
     }},
};

std::size_t expected_offset(const bytes& file, const place& p) {
  if (p.of == place::kind::start) return 0;
  if (p.of == place::kind::before_end) return file.size() - p.delta;
  const std::size_t at = file.find(p.around);
  REQUIRE(at != std::string_view::npos);
  CHECK(at == file.view().rfind(p.around)); // once only, lest it point elsewhere
  return at + p.delta;
}

template <class Net> void check(const row& r, model good) {
  CAPTURE(std::string_view(r.what));
  REQUIRE(tinymlp::load<Net>(good.write().span()));
  const place where = r.break_it(good);
  const bytes file = good.write();
  const auto net = tinymlp::load<Net>(file.span());
  CHECK_FALSE(net.has_value());
  if (net.has_value()) return; // and on to the other rows
  const tinymlp::error e = net.error();
  CHECK(tinymlp::message(e.code) == tinymlp::message(r.code));
  CHECK(e.where == r.where);
  CHECK(e.offset == expected_offset(file, where));
}

} // namespace

TEST_CASE("a plan that is not the network's is refused with code, offset and name") {
  for (const row& r : float_rows) check<tinymlp::network<3, 2, 1>>(r, w::fp32_model({3, 2, 1}));
  for (const row& r : int8_rows)
    check<tinymlp::quantized_network<3, 2, 1>>(r, w::int8_model({3, 2, 1}));
  for (const row& r : static_rows)
    check<tinymlp::static_quantized_network<3, 2, 1>>(r, w::static_model({3, 2, 1}));
}
