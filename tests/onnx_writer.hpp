// Writes ONNX models for tests, wrong ones too: nothing here checks anything. Works in constant
// expressions, so that a test can parse what it wrote both ways. Field numbers are those of
// onnx.proto (ONNX 1.18).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onnx_writer {

// A run of bytes: a name, a message, a file. (In constant expressions, Clang 14 lacks std::string
// and GCC 12 std::vector<char>::insert; this takes few steps as well.)
class bytes {
public:
  constexpr bytes() = default;
  constexpr bytes(std::string_view text) { put(text); }
  constexpr bytes(const char* text) : bytes(std::string_view(text)) {}
  bytes(const std::string& text) : bytes(std::string_view(text)) {}
  constexpr bytes(const bytes& other) : bytes(other.view()) {}
  constexpr bytes(bytes&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  constexpr bytes& operator=(bytes other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  constexpr ~bytes() { delete[] data_; }

  constexpr std::size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr const char* data() const { return data_; }
  constexpr char& operator[](std::size_t i) { return data_[i]; }
  constexpr char operator[](std::size_t i) const { return data_[i]; }
  constexpr std::string_view view() const { return {data_, size_}; }
  constexpr operator std::string_view() const { return view(); }
  constexpr std::span<const char> span() const { return {data_, size_}; }
  constexpr std::size_t find(std::string_view wanted) const { return view().find(wanted); }

  // Not inlined: at -O3, GCC 12 sees overflows in it that are not there.
  [[gnu::noinline]] constexpr bytes& put(std::string_view text) & {
    reserve(size_ + text.size());
    for (std::size_t i = 0; i < text.size(); ++i) data_[size_ + i] = text[i];
    size_ += text.size();
    return *this;
  }
  constexpr bytes& put(char c) & { return put(std::string_view(&c, 1)); }
  constexpr bytes put(std::string_view text) && { return std::move(put(text)); }
  constexpr bytes put(char c) && { return std::move(put(c)); }

  // Prefix of `size` bytes.
  constexpr bytes first(std::size_t size) const { return view().substr(0, size); }

private:
  constexpr void reserve(std::size_t wanted) {
    if (wanted <= capacity_) return;
    const std::size_t more = wanted > 2 * capacity_ ? wanted : 2 * capacity_;
    char* const to = new char[more];
    for (std::size_t i = 0; i < size_; ++i) to[i] = data_[i];
    delete[] data_;
    data_ = to;
    capacity_ = more;
  }

  char* data_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0;
};

// Elements as they stand in raw_data, little-endian; `width` bytes each.
constexpr bytes little_endian(std::uint64_t value, std::size_t width) {
  bytes to;
  for (std::size_t i = 0; i < width; ++i) to.put(static_cast<char>(value >> (8 * i) & 0xff));
  return to;
}

// A varint of at least `length` bytes (an overlong one, where the value needs fewer).
constexpr bytes varint(std::uint64_t value, std::size_t length = 1) {
  bytes to;
  for (; value >= 0x80 || length > 1; value >>= 7, length -= length > 1)
    to.put(static_cast<char>((value & 0x7f) | 0x80));
  to.put(static_cast<char>(value));
  return to;
}

enum class wire : std::uint8_t { varint, fixed64, delimited, start_group, end_group, fixed32 };

constexpr bytes tag(std::uint64_t field, wire type) {
  return varint(field << 3 | static_cast<std::uint64_t>(type));
}

// One field each.
constexpr bytes varint_field(std::uint32_t field, std::uint64_t value) {
  return tag(field, wire::varint).put(varint(value));
}
constexpr bytes int_field(std::uint32_t field, std::int64_t value) {
  return varint_field(field, static_cast<std::uint64_t>(value));
}
constexpr bytes float_field(std::uint32_t field, float value) {
  return tag(field, wire::fixed32).put(little_endian(std::bit_cast<std::uint32_t>(value), 4));
}
constexpr bytes double_field(std::uint32_t field, double value) {
  return tag(field, wire::fixed64).put(little_endian(std::bit_cast<std::uint64_t>(value), 8));
}
constexpr bytes field(std::uint32_t number, const bytes& payload) {
  return tag(number, wire::delimited).put(varint(payload.size())).put(payload);
}
// Nothing at all for an empty payload, as exporters do.
constexpr bytes optional_field(std::uint32_t number, const bytes& payload) {
  if (payload.empty()) return {}; // not `?:`, whose temporaries GCC 12 destroys twice
  return field(number, payload);
}

// TensorProto.DataType
enum element : std::uint32_t {
  undefined = 0,
  float32 = 1,
  uint8 = 2,
  int8 = 3,
  int32 = 6,
  int64 = 7,
  string = 8,
  float16 = 10,
  float64 = 11,
};

// Where a tensor keeps its elements.
enum class storage : std::uint8_t { raw, packed, unpacked, mixed, external, none };

struct tensor {
  bytes name;
  std::vector<std::int64_t> dims;
  std::uint32_t type = float32;
  std::vector<float> floats;      // the elements of a float32 tensor
  std::vector<std::int64_t> ints; // of any other
  storage form = storage::raw;
  std::vector<std::pair<bytes, bytes>> external; // key, value
  bool packed_dims = false;
  bytes extra; // more fields, at the end

  constexpr std::size_t width() const {
    return type == float32 || type == int32 ? 4
           : type == int8 || type == uint8  ? 1
           : type == float16                ? 2
                                            : 8;
  }
  constexpr std::size_t count() const { return type == float32 ? floats.size() : ints.size(); }
  // The elements as raw_data, or an external file, holds them.
  constexpr bytes raw_data() const {
    bytes to;
    for (std::size_t i = 0; i < count(); ++i) to.put(little_endian(bits(i), width()));
    return to;
  }
  constexpr bytes write() const {
    bytes to;
    bytes packed;
    for (const std::int64_t dim : dims) {
      if (!packed_dims) to.put(int_field(1, dim));
      packed.put(varint(static_cast<std::uint64_t>(dim)));
    }
    if (packed_dims) to.put(field(1, packed));
    to.put(varint_field(2, type));
    if (form == storage::unpacked) to.put(typed(0, count(), false));
    if (form == storage::packed) to.put(typed(0, count(), true));
    if (form == storage::mixed) { // packed, single, single ..., packed
      const std::size_t third = count() / 3;
      to.put(typed(0, third, true)).put(typed(third, count() - third, false));
      to.put(typed(count() - third, count(), true));
    }
    to.put(optional_field(8, name));
    if (form == storage::raw) to.put(field(9, raw_data()));
    for (const auto& [key, value] : external) to.put(field(13, field(1, key).put(field(2, value))));
    if (form == storage::external) to.put(varint_field(14, 1));
    to.put(extra);
    return to;
  }

private:
  constexpr std::uint64_t bits(std::size_t i) const {
    return type == float32 ? std::bit_cast<std::uint32_t>(floats[i])
                           : static_cast<std::uint64_t>(ints[i]);
  }
  constexpr bytes typed(std::size_t begin, std::size_t end, bool pack) const {
    const std::uint32_t number = type == float32 ? 4 : type == int64 ? 7 : 5;
    bytes to, packed;
    for (std::size_t i = begin; i < end; ++i) {
      bytes element = varint(bits(i));
      if (type == float32) element = little_endian(bits(i), 4);
      if (!pack) to.put(tag(number, type == float32 ? wire::fixed32 : wire::varint)).put(element);
      packed.put(element);
    }
    if (pack) return field(number, packed);
    return to;
  }
};

constexpr tensor floats(const bytes& name, std::vector<std::int64_t> dims,
                        std::vector<float> values, storage form = storage::raw) {
  return {.name = name,
          .dims = std::move(dims),
          .type = float32,
          .floats = std::move(values),
          .ints = {},
          .form = form,
          .external = {},
          .packed_dims = false,
          .extra = {}};
}
constexpr tensor integers(const bytes& name, std::vector<std::int64_t> dims, std::uint32_t type,
                          std::vector<std::int64_t> values, storage form = storage::raw) {
  return {.name = name,
          .dims = std::move(dims),
          .type = type,
          .floats = {},
          .ints = std::move(values),
          .form = form,
          .external = {},
          .packed_dims = false,
          .extra = {}};
}

// AttributeProto: the name, the value's field(s), and its declared type.
struct attribute {
  bytes name;
  bytes value;
  std::uint32_t type = 0; // AttributeProto.AttributeType; 0 is not written

  constexpr bytes write() const {
    bytes to = optional_field(1, name);
    to.put(value);
    if (type != 0) to.put(varint_field(20, type));
    return to;
  }
};
constexpr attribute float_attribute(const bytes& name, float value) {
  return {name, float_field(2, value), 1};
}
constexpr attribute int_attribute(const bytes& name, std::int64_t value) {
  return {name, int_field(3, value), 2};
}
constexpr attribute string_attribute(const bytes& name, const bytes& value) {
  return {name, field(4, value), 3};
}
constexpr attribute tensor_attribute(const bytes& name, const tensor& value) {
  return {name, field(5, value.write()), 4};
}
constexpr attribute floats_attribute(const bytes& name, const std::vector<float>& values,
                                     bool pack = false) {
  bytes single, packed;
  for (const float v : values) {
    single.put(float_field(7, v));
    packed.put(little_endian(std::bit_cast<std::uint32_t>(v), 4));
  }
  if (pack) return {name, field(7, packed), 6};
  return {name, single, 6};
}
constexpr attribute ints_attribute(const bytes& name, const std::vector<std::int64_t>& values,
                                   bool pack = false) {
  bytes single, packed;
  for (const std::int64_t v : values) {
    single.put(int_field(8, v));
    packed.put(varint(static_cast<std::uint64_t>(v)));
  }
  if (pack) return {name, field(8, packed), 7};
  return {name, single, 7};
}

struct node {
  bytes op_type;
  std::vector<bytes> inputs, outputs;
  std::vector<attribute> attributes;
  bytes name, domain;
  bytes extra;

  constexpr node(const bytes& op, std::vector<bytes> in, std::vector<bytes> out,
                 std::vector<attribute> with = {}, const bytes& called = {},
                 const bytes& of_domain = {})
      : op_type(op), inputs(std::move(in)), outputs(std::move(out)), attributes(std::move(with)),
        name(called), domain(of_domain) {}

  constexpr bytes write() const {
    bytes to;
    for (const bytes& input : inputs) to.put(field(1, input)); // "" is an omitted operand
    for (const bytes& output : outputs) to.put(field(2, output));
    to.put(optional_field(3, name)).put(optional_field(4, op_type));
    for (const attribute& a : attributes) to.put(field(5, a.write()));
    return to.put(optional_field(7, domain)).put(extra);
  }
};

constexpr node constant(const bytes& output, const attribute& value) {
  return {"Constant", {}, {output}, {value}};
}

// A dimension: a number, a symbol, or ("") neither.
struct dimension {
  std::int64_t value = 0;
  bytes symbol;
  bool is_symbol = false;

  constexpr dimension(std::int64_t v) : value(v) {}
  constexpr dimension(const char* s) : symbol(s), is_symbol(true) {}
  constexpr bytes write() const {
    if (is_symbol) return field(1, optional_field(2, symbol));
    return field(1, int_field(1, value));
  }
};

struct value_info {
  bytes name;
  std::vector<dimension> dims;
  std::uint32_t type = float32; // 0 is not written
  bool has_shape = true, has_type = true;
  bytes extra;

  constexpr value_info(const bytes& called, std::vector<dimension> shape,
                       std::uint32_t of_type = float32)
      : name(called), dims(std::move(shape)), type(of_type) {}

  constexpr bytes write() const {
    bytes shape, tensor_type;
    for (const dimension& d : dims) shape.put(d.write());
    if (type != 0) tensor_type.put(varint_field(1, type));
    if (has_shape) tensor_type.put(field(2, shape));
    bytes to = optional_field(1, name);
    if (has_type) to.put(field(2, field(1, tensor_type)));
    to.put(extra);
    return to;
  }
};

struct opset {
  bytes domain;
  std::int64_t version = 17;
  constexpr bytes write() const { return optional_field(1, domain).put(int_field(2, version)); }
};

struct graph {
  bytes name = "graph";
  std::vector<node> nodes;
  std::vector<tensor> initializers;
  std::vector<value_info> inputs, outputs, value_infos;
  bytes extra;

  constexpr bytes write() const {
    bytes to;
    for (const node& n : nodes) to.put(field(1, n.write()));
    to.put(optional_field(2, name));
    for (const tensor& t : initializers) to.put(field(5, t.write()));
    for (const value_info& v : inputs) to.put(field(11, v.write()));
    for (const value_info& v : outputs) to.put(field(12, v.write()));
    for (const value_info& v : value_infos) to.put(field(13, v.write()));
    to.put(extra);
    return to;
  }

  // By their name; nodes by that of an output. Undefined where there is none.
  constexpr tensor& initializer(std::string_view called) {
    for (tensor& t : initializers)
      if (t.name.view() == called) return t;
    return initializers.at(initializers.size());
  }
  constexpr node& producer(std::string_view output) {
    for (node& n : nodes)
      for (const bytes& o : n.outputs)
        if (o.view() == output) return n;
    return nodes.at(nodes.size());
  }
  constexpr void remove_initializer(std::string_view called) {
    std::erase_if(initializers, [&](const tensor& t) { return t.name.view() == called; });
  }
};

struct model {
  std::int64_t ir_version = 10; // 0 is not written
  std::vector<opset> opsets{opset{"", 17}};
  bytes producer_name = "onnx_writer";
  graph g;
  bool has_graph = true;
  bytes extra;

  constexpr bytes write() const {
    bytes to;
    if (ir_version != 0) to.put(int_field(1, ir_version));
    to.put(optional_field(2, producer_name));
    if (has_graph) to.put(field(7, g.write()));
    for (const opset& o : opsets) to.put(field(8, o.write()));
    to.put(extra);
    return to;
  }
};

// ---- whole models, whose weights are a formula that tests/data/make_accepted.py has too

// Elements `i` = 0, 1, ... of the tensor numbered `which`: multiples of 1/64, within +-0.8.
constexpr float weight(std::size_t which, std::size_t i) {
  return static_cast<float>(static_cast<int>((i * 37 + which * 53) % 101) - 50) / 64.0F;
}
constexpr std::vector<float> weights(std::size_t which, std::size_t count) {
  std::vector<float> to;
  for (std::size_t i = 0; i < count; ++i) to.push_back(weight(which, i));
  return to;
}
// 0.5 to 1.5 in eighths: of either sign they would do, but never zero.
constexpr std::vector<float> deviations(std::size_t count) {
  std::vector<float> to;
  for (std::size_t i = 0; i < count; ++i) to.push_back(0.5F + static_cast<float>(i % 9) / 8.0F);
  return to;
}
constexpr std::int64_t int8_weight(std::size_t which, std::size_t i) {
  return static_cast<std::int64_t>((i * 37 + which * 53) % 255) - 127;
}

// Numbers as they occur in names: "w0", "w1", ...
constexpr bytes numbered(const char* name, std::size_t i) {
  bytes to;
  if (i < 10) to.put(name);
  if (i >= 10) to = numbered(name, i / 10);
  to.put(static_cast<char>('0' + i % 10));
  return to;
}

// Sub, Div, then Gemm (transB) and Relu in turn, then Squeeze: how PyTorch exports the networks.
// Initializers: mean, std, w0, b0, w1, b1, ..., axes. Values: centred, scaled, h0, a0, h1, ..., y.
constexpr model fp32_model(const std::vector<std::int64_t>& sizes) {
  model m;
  graph& g = m.g;
  const std::int64_t inputs = sizes.front();
  const std::size_t layers = sizes.size() - 1;
  g.inputs = {{"features", {"N", inputs}}};
  g.outputs = {{"y", {"N"}}};
  g.initializers.push_back(floats("mean", {inputs}, weights(0, static_cast<std::size_t>(inputs))));
  g.initializers.push_back(floats("std", {inputs}, deviations(static_cast<std::size_t>(inputs))));
  g.nodes.push_back({"Sub", {"features", "mean"}, {"centred"}});
  g.nodes.push_back({"Div", {"centred", "std"}, {"scaled"}});
  bytes x = "scaled";
  for (std::size_t l = 0; l < layers; ++l) {
    const auto in = static_cast<std::size_t>(sizes[l]),
               out = static_cast<std::size_t>(sizes[l + 1]);
    const bytes w = numbered("w", l), b = numbered("b", l), h = numbered("h", l);
    g.initializers.push_back(floats(w, {sizes[l + 1], sizes[l]}, weights(2 * l + 1, in * out)));
    g.initializers.push_back(floats(b, {sizes[l + 1]}, weights(2 * l + 2, out)));
    g.nodes.push_back({"Gemm", {x, w, b}, {h}, {int_attribute("transB", 1)}});
    x = h;
    if (l + 1 == layers) break;
    x = numbered("a", l);
    g.nodes.push_back({"Relu", {h}, {x}});
  }
  g.initializers.push_back(integers("axes", {1}, int64, {1}));
  g.nodes.push_back({"Squeeze", {x, "axes"}, {"y"}});
  return m;
}

// The same in the dynamic-PTQ form: per layer DynamicQuantizeLinear, Mul, MatMulInteger, Cast,
// Mul, Add. Initializers: mean, std, w0, s0 (scale), z0 (zero point), b0, ..., axes.
// Values: centred, scaled, q0, qs0, qz0, sc0, i0, f0, p0, h0, a0, ..., y.
constexpr model int8_model(const std::vector<std::int64_t>& sizes, bool per_channel = false) {
  model m = fp32_model(sizes);
  graph& g = m.g;
  const std::size_t layers = sizes.size() - 1;
  const node squeeze = g.nodes.back();
  g.nodes.erase(g.nodes.begin() + 2, g.nodes.end());
  bytes x = "scaled";
  for (std::size_t l = 0; l < layers; ++l) {
    const auto in = static_cast<std::size_t>(sizes[l]),
               out = static_cast<std::size_t>(sizes[l + 1]);
    const auto named = [l](const char* name) { return numbered(name, l); };
    tensor& w = g.initializer(named("w").view());
    w = integers(named("w"), {sizes[l], sizes[l + 1]}, int8, {});
    for (std::size_t i = 0; i < in * out; ++i) w.ints.push_back(int8_weight(2 * l + 1, i));
    tensor scale = floats(named("s"), {}, {});
    const std::size_t scales = per_channel ? out : 1;
    if (per_channel) scale.dims = {sizes[l + 1]};
    for (std::size_t o = 0; o < scales; ++o)
      scale.floats.push_back(1.0F / static_cast<float>(150 + 3 * o + l));
    tensor zero = integers(named("z"), scale.dims, int8, std::vector<std::int64_t>(scales, 0));
    g.initializers.push_back(scale);
    g.initializers.push_back(zero);
    g.nodes.push_back({"DynamicQuantizeLinear", {x}, {named("q"), named("qs"), named("qz")}});
    g.nodes.push_back({"Mul", {named("qs"), named("s")}, {named("sc")}});
    g.nodes.push_back(
        {"MatMulInteger", {named("q"), named("w"), named("qz"), named("z")}, {named("i")}});
    g.nodes.push_back({"Cast", {named("i")}, {named("f")}, {int_attribute("to", 1)}});
    g.nodes.push_back({"Mul", {named("f"), named("sc")}, {named("p")}});
    g.nodes.push_back({"Add", {named("p"), named("b")}, {named("h")}});
    x = named("h");
    if (l + 1 == layers) break;
    x = named("a");
    g.nodes.push_back({"Relu", {named("h")}, {x}});
  }
  g.nodes.push_back(squeeze);
  g.nodes.back().inputs[0] = x;
  return m;
}

// The same in the static-PTQ form: per layer QuantizeLinear, MatMulInteger, Cast, Mul, Add; where
// the scale of the sum is `computed`, by a Mul before MatMulInteger.
// Initializers: mean, std, w0, b0, x0 (activation scale), xz0 (its zero point), s0 (scale of the
// sum, or of the weights), z0 (weight zero point), ..., axes.
// Values: centred, scaled, q0, sc0 (if computed), i0, f0, p0, h0, a0, ..., y.
constexpr model static_model(const std::vector<std::int64_t>& sizes, bool per_channel = false,
                             bool computed = false) {
  model m = int8_model(sizes, per_channel);
  graph& g = m.g;
  std::vector<node> nodes;
  for (std::size_t l = 0, i = 0; i < g.nodes.size(); ++i) {
    const auto named = [&l](const char* name) { return numbered(name, l); };
    node& n = g.nodes[i];
    if (n.op_type.view() != "DynamicQuantizeLinear") {
      nodes.push_back(n);
      continue;
    }
    const float scale = 1.0F / static_cast<float>(20 + 4 * l);
    g.initializers.push_back(floats(named("x"), {}, {scale}));
    g.initializers.push_back(integers(named("xz"), {}, uint8, {l == 0 ? 117 : 0}));
    nodes.push_back({"QuantizeLinear", {n.inputs[0], named("x"), named("xz")}, {named("q")}});
    if (computed) nodes.push_back({"Mul", {named("x"), named("s")}, {named("sc")}});
    if (!computed)
      for (float& s : g.initializer(named("s").view()).floats) s *= scale;
    ++i; // the Mul of both scales
    g.nodes[i + 1].inputs[2] = named("xz");
    if (!computed) g.nodes[i + 3].inputs[1] = named("s");
    ++l;
  }
  g.nodes = nodes;
  return m;
}

// What `write()` yields (a lambda without captures), as an array that outlives the expression.
template <class Write> consteval auto frozen(Write write) {
  constexpr std::size_t size = Write{}().size();
  std::array<char, size> to{};
  const bytes from = write();
  for (std::size_t i = 0; i < size; ++i) to[i] = from[i];
  return to;
}

} // namespace onnx_writer
