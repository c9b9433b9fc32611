#include "onnx/onnx_scan.hpp"

#include <array>

#include <tinymlp/error.hpp>
#include <tinymlp/protobuf.hpp>

#include "system/failure.hpp"

namespace tinymlp::tools {

namespace {

using protobuf::cursor;
using protobuf::field;
using protobuf::view;
using protobuf::wire;

constexpr int deepest = 32; // subgraphs in subgraphs

// The messages of onnx.proto that can lead to a tensor.
enum class kind : std::uint8_t {
  model,
  graph,
  node,
  attribute,
  function,
  training_info,
  sparse_tensor,
  tensor,
};

// "Field `number` of a `from` holds a `to`."
struct edge {
  kind from;
  std::uint32_t number;
  kind to;
};
constexpr std::array edges{
    edge{kind::model, 7, kind::graph},
    edge{kind::model, 20, kind::training_info},
    edge{kind::model, 25, kind::function},
    edge{kind::graph, 1, kind::node},
    edge{kind::graph, 5, kind::tensor},
    edge{kind::graph, 15, kind::sparse_tensor},
    edge{kind::node, 5, kind::attribute},
    edge{kind::attribute, 5, kind::tensor},
    edge{kind::attribute, 6, kind::graph},
    edge{kind::attribute, 10, kind::tensor},
    edge{kind::attribute, 11, kind::graph},
    edge{kind::attribute, 22, kind::sparse_tensor},
    edge{kind::attribute, 23, kind::sparse_tensor},
    edge{kind::function, 7, kind::node},
    edge{kind::function, 11, kind::attribute},
    edge{kind::training_info, 1, kind::graph},
    edge{kind::training_info, 2, kind::graph},
    edge{kind::sparse_tensor, 1, kind::tensor},
    edge{kind::sparse_tensor, 2, kind::tensor},
};

class scanner {
public:
  onnx_scan run(view model) {
    walk(kind::model, model, 0);
    if (!has_graph_) fail("no graph: not an ONNX model");
    return std::move(found_);
  }

private:
  template <class F> void each_field(view message, F&& visit) const {
    for (cursor c(message); !c.done();) {
      field f;
      const std::size_t at = c.offset();
      if (const status e = c.next(f); e != status::ok)
        fail("byte {}: not an ONNX model: {}", at, tinymlp::message(e));
      visit(f);
    }
  }

  void walk(kind from, view message, int depth) {
    if (depth > deepest) fail("byte {}: nested too deeply", message.offset);
    if (from == kind::tensor) return read_tensor(message);
    each_field(message, [&](const field& f) {
      if (f.type != wire::length_delimited) return;
      if (from == kind::model && f.number == 8) read_opset(f.payload);
      has_graph_ |= from == kind::model && f.number == 7;
      for (const edge& e : edges)
        if (e.from == from && e.number == f.number) walk(e.to, f.payload, depth + 1);
    });
  }

  void read_opset(view message) {
    std::string_view domain;
    std::uint64_t version = 0;
    each_field(message, [&](const field& f) {
      if (f.is(1, wire::length_delimited)) domain = f.payload.text();
      if (f.is(2, wire::varint)) version = f.value;
    });
    if (domain.empty() || domain == "ai.onnx") found_.opset = static_cast<std::int64_t>(version);
  }

  // Also where data_location does not say EXTERNAL: a reader might still follow the entries.
  void read_tensor(view message) {
    each_field(message, [&](const field& f) {
      if (!f.is(13, wire::length_delimited)) return;
      std::string_view key, value;
      each_field(f.payload, [&](const field& part) {
        if (part.is(1, wire::length_delimited)) key = part.payload.text();
        if (part.is(2, wire::length_delimited)) value = part.payload.text();
      });
      if (key == "location") found_.locations.emplace(path_of_location(value));
    });
  }

  onnx_scan found_;
  bool has_graph_ = false;
};

} // namespace

std::string_view path_of_location(std::string_view location) noexcept {
  while (location.starts_with("./")) location.remove_prefix(2);
  return location;
}

onnx_scan scan_onnx(std::span<const char> model) {
  return scanner().run({model.data(), model.size(), 0});
}

} // namespace tinymlp::tools
