#include "models/graph_quantizer.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "system/failure.hpp"
#include "models/int8_writer.hpp"

namespace tinymlp::tools {

namespace {

namespace fields = onnx::detail;

// ModelProto's and GraphProto's strings for people
constexpr std::uint32_t model_producer_name = 2, model_producer_version = 3;

// The bytes of AttributeProto `name` of a node.
std::optional<onnx::attribute> attribute_named(const onnx::node& node, std::string_view name) {
  onnx::field f;
  for (onnx::cursor c(node.body); c.next(f) == status::ok;) {
    onnx::attribute a;
    if (f.number == fields::node_attribute && !onnx::failed(onnx::parse_attribute(f.payload, a)) &&
        a.name == name)
      return a;
  }
  return std::nullopt;
}

std::vector<std::int64_t> integers_of(const onnx::attribute& a) {
  std::vector<std::int64_t> values;
  onnx::tensor t;
  if (onnx::failed(onnx::tensor_of(a, t))) return values;
  onnx::element_reader reader(t);
  for (std::int64_t value = 0; reader.next(value);) values.push_back(value);
  return values;
}

class graph_quantizer : int8_writer {
public:
  graph_quantizer(const onnx_file& file, granularity grain,
                  std::span<const activation_scale> inputs)
      : int8_writer(grain, inputs), file_(file), opset_(file.plan.opset) {
    if (const error why = onnx::parse_model(file.bytes, {}, graph_); onnx::failed(why))
      fail("{}", describe(why));
    collect_nodes();
    collect_layers(file.plan, grain);
    if (inputs.empty())
      for (const onnx::value_info& output : values_of_graph(file.plan, fields::graph_output))
        collect_layers_of_output(output.name, grain);
  }

  std::string write() {
    for (const auto& [offset, layer] : layers_) forget_operands(offset);
    for (const onnx::node& node : all_nodes_) write_node(node);
    return assemble();
  }

private:
  // ---- what there is

  void collect_nodes() {
    onnx::field f;
    for (onnx::cursor c(graph_.body); c.next(f) == status::ok;) {
      if (f.number == fields::graph_initializer)
        take_name(onnx::name_in(f.payload, onnx::detail::tensor_name));
      if (f.number == fields::graph_input || f.number == fields::graph_output) {
        take_name(onnx::name_in(f.payload, 1));
        uses_[std::string(onnx::name_in(f.payload, 1))] += f.number == fields::graph_output ? 1 : 0;
      }
      if (f.number != fields::graph_node) continue;
      onnx::node& node = all_nodes_.emplace_back();
      static_cast<void>(fields::parse_node(f, node)); // parsed before: succeeds
      for (std::size_t i = 0; i < node.input_count; ++i)
        ++uses_[std::string(fields::operand(node, i))];
      for (std::size_t i = 0; i < node.output_count; ++i) {
        take_name(fields::result_of(node, i));
        producer_[std::string(fields::result_of(node, i))] = all_nodes_.size() - 1;
      }
    }
  }

  void collect_layers(const onnx::plan& plan, granularity grain) {
    std::vector<quantized_layer> layers = quantize_layers(plan, grain);
    std::size_t l = 0;
    for (const onnx::step* step : dense_steps(plan)) {
      quantized_layer& layer = layers[l++];
      const onnx::node node = node_of(plan, *step);
      layer.has_bias = node.is("Gemm") && node.input_count >= 3;
      refuse_forms(plan, *step, node);
      layers_.emplace(step->offset, std::move(layer));
    }
  }

  void collect_layers_of_output(std::string_view name, granularity grain) {
    if (name == file_.plan.output_name) return;
    onnx::plan plan;
    if (onnx::failed(onnx::parse_into(plan, file_.bytes, {}, name))) return; // no MLP: as it stands
    collect_layers(plan, grain);
  }

  // Is it computed from the graph's inputs? Else it is a constant, whatever stands before it.
  bool is_computed(std::string_view name) const {
    std::vector<std::string> open{std::string(name)};
    std::set<std::string> seen;
    while (!open.empty()) {
      const std::string value = std::move(open.back());
      open.pop_back();
      if (value.empty() || !seen.insert(value).second) continue;
      for (std::size_t i = 0; i < file_.plan.input_count; ++i)
        if (file_.plan.graph_inputs[i].name == value) return true;
      const auto from = producer_.find(value);
      if (from == producer_.end()) continue;
      const onnx::node& node = all_nodes_[from->second];
      for (std::size_t i = 0; i < node.input_count; ++i)
        open.emplace_back(fields::operand(node, i));
    }
    return false;
  }

  void refuse_forms(const onnx::plan& plan, const onnx::step& step, const onnx::node& node) const {
    const auto refuse = [&](std::string_view what, std::string_view instead) {
      fail("byte {}: {} {}: {} cannot be quantised; export it {}", step.offset, node.op_type,
           node.label(), what, instead);
    };
    if (const auto a = attribute_named(node, "transA"); a && a->i == 1)
      refuse("transA = 1", "without transA");
    if (is_computed(fields::operand(node, 1))) refuse("a weight on the left", "as x * weight");
    const onnx::tensor weight = onnx::read(plan, step.weight);
    if (weight.rank != 2 && fields::operand(node, 1) == weight.name)
      refuse("a weight of rank 1", "with a weight [inputs, 1]");
    if (weight.rank != 2)
      refuse("a weight that another operator gives its shape", "with the weight in that shape");
  }

  // Operators that mean another thing, or are none, from the operator set on that int8 needs.
  void refuse_older(const onnx::node& node) const {
    if (opset_ >= oldest_quantised_opset || !node.in_default_domain()) return;
    bool changed = node.is("BatchNormalization") && attribute_named(node, "spatial");
    changed = changed || node.is("Pad") || node.is("TopK") || node.is("Resize") ||
              node.is("Upsample") || node.is("Scan");
    if (changed)
      fail("byte {}: {} {}: is another operator from operator set {} on, which int8 needs, and the "
           "file has {}; export with {} or newer",
           node.body.offset, node.op_type, node.label(), oldest_quantised_opset, opset_,
           oldest_quantised_opset);
  }

  // ---- what goes

  // The operands of a node but its row.
  void forget_operands(std::size_t offset) {
    for (const onnx::node& node : all_nodes_) {
      if (node.body.offset != offset) continue;
      for (std::size_t i = 1; i < node.input_count; ++i) forget(fields::operand(node, i));
    }
  }
  // One use less; what nothing uses any more is not written, nor what only it used.
  void forget(std::string_view name) {
    if (name.empty() || --uses_[std::string(name)] > 0) return;
    const auto from = producer_.find(std::string(name));
    if (from == producer_.end()) return;
    const onnx::node& node = all_nodes_[from->second];
    for (std::size_t i = 0; i < node.output_count; ++i)
      if (uses_[std::string(fields::result_of(node, i))] > 0) return;
    dead_nodes_.push_back(from->second);
    for (std::size_t i = 0; i < node.input_count; ++i) forget(fields::operand(node, i));
  }
  bool is_forgotten(std::string_view name) const {
    const auto uses = uses_.find(std::string(name));
    return uses != uses_.end() && uses->second <= 0;
  }

  // ---- what is written

  void write_node(const onnx::node& node) {
    const auto number = static_cast<std::size_t>(&node - all_nodes_.data());
    if (std::find(dead_nodes_.begin(), dead_nodes_.end(), number) != dead_nodes_.end()) return;
    const auto layer = layers_.find(node.body.offset);
    if (layer != layers_.end())
      return write_layer(layer->second, std::string(fields::operand(node, 0)),
                         std::string(fields::result_of(node, 0)));
    refuse_older(node);
    if (opset_ < 11 && node.is("Clip")) return write_clip(node);
    if (opset_ < 10 && node.is("Slice")) return write_slice(node);
    nodes_.emplace_back().append(node.body.text());
  }

  // Its limits are operands since operator set 11.
  void write_clip(const onnx::node& node) {
    const auto limit = [&](std::string_view name) -> std::string {
      const auto a = attribute_named(node, name);
      if (!a) return "";
      return add_tensor(fmt::format("{}_{}", node.label(), name), onnx::element::float32, {},
                        as_bytes(std::span(&a->f, 1)));
    };
    const std::string low = limit("min"), high = limit("max");
    add_node("Clip", {node.inputs[0], low, high}, {node.outputs[0]});
  }

  // Its places are operands since operator set 10.
  void write_slice(const onnx::node& node) {
    const auto places = [&](std::string_view name) -> std::string {
      const auto a = attribute_named(node, name);
      if (!a) return "";
      const std::vector<std::int64_t> values = integers_of(*a);
      const std::uint64_t shape[] = {values.size()};
      return add_tensor(fmt::format("{}_{}", node.label(), name), onnx::element::int64, shape,
                        as_bytes(values));
    };
    const std::string starts = places("starts"), ends = places("ends"), axes = places("axes");
    add_node("Slice", {node.inputs[0], starts, ends, axes}, {node.outputs[0]});
  }

  std::string assemble() const {
    protobuf_message to;
    onnx::field f;
    const std::int64_t ir = std::max(file_.plan.ir_version, oldest_quantised_ir);
    to.add_varint(fields::model_ir_version, static_cast<std::uint64_t>(ir));
    to.add_bytes(model_producer_name,
                 "tinymlp"); // without a version: the bytes depend on the input
    for (onnx::cursor c({file_.bytes.data(), file_.bytes.size(), 0}); c.next(f) == status::ok;) {
      if (f.number == fields::model_ir_version || f.number == model_producer_name ||
          f.number == model_producer_version)
        continue;
      if (f.number == fields::model_graph)
        to.add_message(f.number, assemble_graph());
      else if (f.number == fields::model_opset_import)
        to.add_message(f.number, opset_import(f.payload));
      else
        copy(f, to);
    }
    if (to.bytes().size() > largest_model)
      fail("the result would be larger than the 2 GiB of a protobuf message");
    return to.bytes();
  }

  protobuf_message assemble_graph() const {
    protobuf_message to;
    for (const protobuf_message& node : nodes_) to.add_message(fields::graph_node, node);
    onnx::field f;
    for (onnx::cursor c(graph_.body); c.next(f) == status::ok;) {
      const bool names_value =
          f.number == fields::graph_input || f.number == fields::graph_value_info;
      if (f.number == fields::graph_node ||
          (f.number == fields::graph_initializer &&
           is_forgotten(onnx::name_in(f.payload, fields::tensor_name))) ||
          (names_value && is_forgotten_constant(onnx::name_in(f.payload, 1))))
        continue;
      copy(f, to);
    }
    for (const protobuf_message& tensor : tensors_)
      to.add_message(fields::graph_initializer, tensor);
    return to;
  }

  // IR version 3 lists constants as inputs. An input that nothing ever used stays.
  bool is_forgotten_constant(std::string_view name) const {
    if (!is_forgotten(name)) return false;
    if (producer_.contains(std::string(name))) return true;
    onnx::field f;
    for (onnx::cursor c(graph_.body); c.next(f) == status::ok;)
      if (f.number == fields::graph_initializer &&
          onnx::name_in(f.payload, fields::tensor_name) == name)
        return true;
    return false;
  }

  static void copy(const onnx::field& f, protobuf_message& to) {
    if (f.type == onnx::wire::length_delimited)
      to.add_bytes(f.number, f.payload.text());
    else
      to.add_number(f.number, static_cast<unsigned>(f.type), f.value);
  }

  // Raised where it is the default domain's and too old.
  static protobuf_message opset_import(onnx::view message) {
    protobuf_message to;
    std::string_view domain = onnx::name_in(message, 1);
    onnx::field f;
    for (onnx::cursor c(message); c.next(f) == status::ok;) {
      const bool is_default = domain.empty() || domain == "ai.onnx";
      if (f.number == 2 && is_default)
        f.value = std::max(f.value, static_cast<std::uint64_t>(oldest_quantised_opset));
      copy(f, to);
    }
    return to;
  }

  const onnx_file& file_;
  onnx::graph graph_;
  std::int64_t opset_;
  std::vector<onnx::node> all_nodes_;
  std::map<std::string, std::size_t> producer_;   // of a value: its node
  std::map<std::string, int> uses_;               // of a value, as an operand or an output
  std::map<std::size_t, quantized_layer> layers_; // by the place of their node
  std::vector<std::size_t> dead_nodes_;
};

} // namespace

std::string quantize_graph(const onnx_file& file, granularity grain,
                           std::span<const activation_scale> inputs) {
  return graph_quantizer(file, grain, inputs).write();
}

} // namespace tinymlp::tools
