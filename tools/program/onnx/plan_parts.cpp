#include "onnx/plan_parts.hpp"

#include <tinymlp/packing.hpp>

namespace tinymlp::tools {

std::string_view precision_text(onnx::quant_mode mode) {
  return mode == onnx::quant_mode::static_int8 ? onnx::name(mode)
                                               : onnx::name(onnx::precision_of(mode));
}

std::string shape_text(const onnx::plan& plan) {
  std::string text = std::to_string(plan.inputs);
  for (const onnx::step* layer : dense_steps(plan)) text += '-' + std::to_string(layer->outputs);
  return text;
}

bool is_plain(const onnx::plan& plan) {
  tinymlp::detail::plain_steps places;
  return tinymlp::detail::find_plain_steps(plan, places);
}

bool is_plain_file(const onnx::plan& plan) {
  return is_plain(plan) && plan.input_count == 1 && plan.graph_inputs[0].rank == 2 &&
         plan.ignored_outputs == 0 && plan.output_rank <= 2;
}

std::span<const onnx::step> steps_of(const onnx::plan& plan) {
  return std::span(plan.steps).first(plan.step_count);
}

std::vector<const onnx::step*> dense_steps(const onnx::plan& plan) {
  std::vector<const onnx::step*> layers;
  for (const onnx::step& step : steps_of(plan))
    if (step.kind == onnx::step_kind::dense) layers.push_back(&step);
  return layers;
}

std::span<const onnx::step> scaler_steps(const onnx::plan& plan) {
  const std::span<const onnx::step> steps = steps_of(plan);
  std::size_t count = 0;
  const auto is_affine = [&](bool (*wanted)(onnx::affine_op)) {
    return count < steps.size() && steps[count].kind == onnx::step_kind::affine &&
           wanted(steps[count].op);
  };
  if (is_affine([](onnx::affine_op op) { return op == onnx::affine_op::scaler; })) {
    ++count;
  } else {
    if (is_affine(&tinymlp::detail::starts_centred)) ++count;
    if (is_affine(&tinymlp::detail::scales)) ++count;
  }
  const bool leads_to_layer = count < steps.size() && steps[count].kind == onnx::step_kind::dense;
  return steps.first(leads_to_layer ? count : 0);
}

std::size_t parameters_of(const onnx::step& layer) {
  return std::size_t{layer.outputs} * (layer.inputs + (layer.bias.present() ? 1U : 0U));
}

onnx::node node_of(const onnx::plan& plan, const onnx::step& step) {
  using namespace onnx::detail;
  onnx::field graph, holder;
  onnx::node node;
  for (onnx::cursor model({plan.model.data(), plan.model.size(), 0});
       model.next(graph) == status::ok;) {
    if (graph.number != model_graph) continue;
    for (onnx::cursor nodes(graph.payload); nodes.next(holder) == status::ok;)
      if (holder.number == graph_node && holder.payload.offset == step.offset) {
        static_cast<void>(parse_node(holder, node)); // parsed before: succeeds
        return node;
      }
  }
  return node;
}

std::vector<onnx::value_info> values_of_graph(const onnx::plan& plan, std::uint32_t number) {
  std::vector<onnx::value_info> values;
  onnx::field graph, value;
  for (onnx::cursor model({plan.model.data(), plan.model.size(), 0});
       model.next(graph) == status::ok;) {
    if (graph.number != onnx::detail::model_graph) continue;
    for (onnx::cursor each(graph.payload); each.next(value) == status::ok;) {
      if (value.number != number) continue;
      onnx::value_info& to = values.emplace_back();
      static_cast<void>(onnx::detail::parse_value_info(value.payload, to)); // parsed before
    }
  }
  return values;
}

onnx::value_info value_named(const onnx::plan& plan, std::uint32_t number, std::string_view name) {
  for (const onnx::value_info& value : values_of_graph(plan, number))
    if (value.name == name) return value;
  return {};
}

std::vector<float> values_of(const onnx::plan& plan, onnx::constant from, std::size_t count) {
  const onnx::tensor tensor = onnx::read(plan, from);
  std::vector<float> values(count);
  onnx::element_reader reader(tensor);
  float value = 0;
  for (float& to : values) {
    reader.next(value); // past its end a reader keeps the last value
    to = value;
  }
  return values;
}

scaler_values scaler_of(const onnx::plan& plan) {
  const std::span<const onnx::step> steps = scaler_steps(plan);
  if (steps.empty()) return {};
  scaler_values to{std::vector<float>(plan.inputs), std::vector<float>(plan.inputs, 1)};
  for (const onnx::step& step : steps) {
    const bool is_scaler = step.op == onnx::affine_op::scaler;
    const bool is_mean = is_scaler || tinymlp::detail::starts_centred(step.op);
    if (is_mean) to.mean = values_of(plan, step.weight, plan.inputs);
    if (step.op == onnx::affine_op::add)
      for (float& value : to.mean) value = -value;
    if (!is_mean || is_scaler)
      to.std = values_of(plan, is_scaler ? step.bias : step.weight, plan.inputs);
    if (is_scaler || step.op == onnx::affine_op::multiply)
      for (float& value : to.std) value = 1 / value;
  }
  return to;
}

} // namespace tinymlp::tools
