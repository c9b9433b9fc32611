// TensorProto and AttributeProto: shapes, and elements read in order from wherever the file keeps
// them. Field numbers are those of onnx.proto (ONNX 1.18, IR version 11).
#pragma once

#include <tinymlp/error.hpp>
#include <tinymlp/protobuf.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tinymlp::onnx {

using protobuf::cursor;
using protobuf::field;
using protobuf::view;
using protobuf::wire;

constexpr bool failed(const error& e) noexcept { return e.code != status::ok; }
// The error, which names `part` if it names nothing better.
constexpr error naming(error e, std::string_view part) noexcept {
  if (e.where.empty()) e.where = part;
  return e;
}

// TensorProto.DataType. Networks are computed in float32, or int8 with scales; int64 are shapes and
// axes; constants of float16, float64 and integers count where float32 holds them
// exactly. Others are known by name, for constants that nothing uses, and for errors.
enum class element : std::uint32_t {
  undefined = 0,
  float32 = 1,
  uint8 = 2,
  int8 = 3,
  uint16 = 4,
  int16 = 5,
  int32 = 6,
  int64 = 7,
  string = 8,
  boolean = 9,
  float16 = 10,
  float64 = 11,
  uint32 = 12,
  uint64 = 13,
  bfloat16 = 16,
};
constexpr std::string_view name(element type) noexcept {
  switch (type) {
  case element::float32: return "float32";
  case element::uint8: return "uint8";
  case element::int8: return "int8";
  case element::uint16: return "uint16";
  case element::int16: return "int16";
  case element::int32: return "int32";
  case element::int64: return "int64";
  case element::string: return "string";
  case element::boolean: return "bool";
  case element::float16: return "float16";
  case element::float64: return "float64";
  case element::uint32: return "uint32";
  case element::uint64: return "uint64";
  case element::bfloat16: return "bfloat16";
  case element::undefined: break;
  }
  return "another type";
}

inline constexpr std::size_t max_rank = 8;
inline constexpr std::uint64_t max_elements = std::uint64_t{1} << 31;

// A file of external tensor data that the caller has read: `location` as the model spells it.
struct external_file {
  std::string_view location{};
  std::span<const char> bytes{};
};
using external_files = std::span<const external_file>;

// A constant: an initializer, the value of a Constant node, or a list attribute. It views the
// model's bytes.
struct tensor {
  std::string_view name{};
  std::size_t offset = 0; // of the message, in the file
  element type = element::undefined;
  std::size_t rank = 0;
  std::array<std::uint32_t, max_rank> dims{};
  std::uint64_t count = 1; // product of dims
  bool is_raw = false;
  bool is_external = false; // raw data outside the model's file, at the offset of the message
  view raw{};               // contiguous little-endian elements, if is_raw
  view body{};              // else the message in whose field `data_field` they are
  std::uint32_t data_field = 0;
};

// Bits of a float16 (IEEE 754 binary16) as float32: always exact.
constexpr float float_of_half(std::uint32_t half) noexcept {
  const std::uint32_t sign = (half & 0x8000U) << 16, mantissa = half & 0x3ffU;
  const std::uint32_t exponent = half >> 10 & 0x1fU;
  if (exponent == 0) {
    const float tiny = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -tiny : tiny;
  }
  const std::uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | mantissa << 13);
}

// Reads the elements of a checked tensor in row-major order.
class element_reader {
public:
  constexpr explicit element_reader(const tensor& t) noexcept
      : is_raw_(t.is_raw), is_external_(t.is_external), type_(t.type), raw_(t.raw), body_(t.body),
        packed_(view{}), data_field_(t.data_field) {}

  // The bits of the next element: of a float32 in the low half; signed integers sign-extended.
  // Returns false at the end; `code()` then tells whether the data was sound.
  constexpr bool next(std::uint64_t& bits) noexcept {
    return is_raw_ ? next_raw(bits) : next_typed(bits);
  }
  // Of float32, float16, float64 and integers to 64 bits; rounded, if need be.
  constexpr bool next(float& value) noexcept {
    std::uint64_t bits = 0;
    if (!next(bits)) return false;
    if (type_ == element::float32)
      value = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    else if (type_ == element::float64)
      value = static_cast<float>(std::bit_cast<double>(bits));
    else if (type_ == element::float16)
      value = float_of_half(static_cast<std::uint32_t>(bits));
    else
      value = static_cast<float>(integer_of(bits));
    return true;
  }
  constexpr bool next(std::int64_t& value) noexcept {
    std::uint64_t bits = 0;
    if (!next(bits)) return false;
    value = integer_of(bits);
    return true;
  }
  constexpr status code() const noexcept { return code_; }
  // Where the last element was read, in the model's file; the tensor, if that was elsewhere.
  constexpr std::size_t offset() const noexcept { return offset_; }

  // Bytes of an element in raw data; 0 where the type is of no known width.
  static constexpr std::size_t width(element type) noexcept {
    switch (type) {
    case element::float32:
    case element::int32:
    case element::uint32: return 4;
    case element::int64:
    case element::uint64:
    case element::float64: return 8;
    case element::uint8:
    case element::int8:
    case element::boolean: return 1;
    case element::float16:
    case element::bfloat16:
    case element::uint16:
    case element::int16: return 2;
    case element::string:
    case element::undefined: break;
    }
    return 0;
  }

private:
  constexpr std::int64_t integer_of(std::uint64_t bits) const noexcept {
    if (type_ == element::int32) return static_cast<std::int32_t>(bits); // as protobuf cuts it
    return static_cast<std::int64_t>(bits);
  }
  constexpr bool next_raw(std::uint64_t& bits) noexcept {
    const std::size_t w = width(type_);
    if (raw_.size - at_ < w) return false;
    bits = cursor::little_endian(raw_.data + at_, w);
    if (type_ == element::int8 && bits >= 0x80) bits |= ~std::uint64_t{0xff};
    if (type_ == element::int32 && bits >= 0x80000000U) bits |= ~std::uint64_t{0xffffffff};
    offset_ = raw_.offset + (is_external_ ? 0 : at_);
    at_ += w;
    return true;
  }

  // Typed fields may be packed, single, or any mixture; protobuf says to concatenate.
  constexpr bool next_typed(std::uint64_t& bits) noexcept {
    while (packed_.done()) {
      field f;
      if (body_.done()) return false;
      if (!keep(body_.next(f))) return false;
      if (f.number != data_field_) continue;
      offset_ = f.offset;
      if (f.type == wire::length_delimited) {
        packed_ = cursor(f.payload);
      } else if (f.type == single_type()) {
        bits = f.value;
        return true;
      } else {
        return keep(status::wrong_wire_type);
      }
    }
    offset_ = packed_.offset();
    if (type_ == element::float32) return keep(packed_.fixed(4, bits));
    return keep(type_ == element::float64 ? packed_.fixed(8, bits) : packed_.varint(bits));
  }

  constexpr wire single_type() const noexcept {
    return type_ == element::float32   ? wire::fixed32
           : type_ == element::float64 ? wire::fixed64
                                       : wire::varint;
  }
  constexpr bool keep(status code) noexcept {
    if (code != status::ok) code_ = code;
    return code == status::ok;
  }

  bool is_raw_, is_external_;
  element type_;
  view raw_;
  cursor body_, packed_;
  std::uint32_t data_field_;
  std::size_t at_ = 0, offset_ = 0;
  status code_ = status::ok;
};

constexpr bool is_finite(float x) noexcept {
  return (std::bit_cast<std::uint32_t>(x) & 0x7f800000U) != 0x7f800000U;
}

namespace detail {

// TensorProto
inline constexpr std::uint32_t tensor_dims = 1, tensor_data_type = 2, tensor_segment = 3,
                               tensor_float_data = 4, tensor_int32_data = 5, tensor_string_data = 6,
                               tensor_int64_data = 7, tensor_name = 8, tensor_raw_data = 9,
                               tensor_double_data = 10, tensor_uint64_data = 11,
                               tensor_external_data = 13, tensor_data_location = 14,
                               tensor_metadata = 16;

constexpr error append_dimension(tensor& t, std::uint64_t dim, std::size_t offset) noexcept {
  if (static_cast<std::int64_t>(dim) <= 0) return {status::bad_dimension, offset};
  if (t.rank == max_rank) return {status::bad_dimension, offset};
  if (dim > max_elements / t.count) return {status::dimension_overflow, offset};
  t.dims[t.rank++] = static_cast<std::uint32_t>(dim);
  t.count *= dim;
  return {};
}

constexpr error append_dimensions(tensor& t, const field& f) noexcept {
  if (f.type == wire::varint) return append_dimension(t, f.value, f.offset);
  if (f.type != wire::length_delimited) return {status::wrong_wire_type, f.offset};
  for (cursor c(f.payload); !c.done();) {
    std::uint64_t dim = 0;
    const std::size_t at = c.offset();
    if (const status e = c.varint(dim); e != status::ok) return {e, at};
    if (const error e = append_dimension(t, dim, at); failed(e)) return e;
  }
  return {};
}

struct external_reference {
  bool used = false, has_entries = false;
  std::string_view location{};
  std::uint64_t offset = 0, length = 0;
  bool has_length = false;
};

constexpr bool parse_decimal(std::string_view text, std::uint64_t& out) noexcept {
  if (text.empty() || text.size() > 18) return false;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  out = value;
  return true;
}

// One StringStringEntryProto of TensorProto.external_data.
constexpr error read_external_entry(external_reference& to, const field& entry) noexcept {
  std::string_view key{}, value{};
  to.has_entries = true;
  for (cursor c(entry.payload); !c.done();) {
    field f;
    const std::size_t at = c.offset();
    if (const status e = c.next(f); e != status::ok) return {e, at, key};
    if ((f.number == 1 || f.number == 2) && f.type != wire::length_delimited)
      return {status::wrong_wire_type, f.offset, key};
    if (f.number == 1) key = f.payload.text();
    if (f.number == 2) value = f.payload.text();
  }
  if (key == "location") to.location = value;
  if (key == "offset" && !parse_decimal(value, to.offset))
    return {status::bad_external_data, entry.offset, key};
  if (key == "length" && !(to.has_length = parse_decimal(value, to.length)))
    return {status::bad_external_data, entry.offset, key};
  return {};
}

constexpr error resolve_external(tensor& t, const external_reference& from,
                                 external_files files) noexcept {
  if (from.location.empty()) return {status::bad_external_data, t.offset, t.name};
  for (const external_file& file : files) {
    if (file.location != from.location) continue;
    if (from.offset > file.bytes.size()) return {status::bad_external_data, t.offset, t.name};
    const std::uint64_t rest = file.bytes.size() - from.offset;
    const std::uint64_t size = from.has_length ? from.length : rest;
    if (size > rest) return {status::bad_external_data, t.offset, t.name};
    t.is_raw = t.is_external = true;
    t.raw = {file.bytes.data() + from.offset, static_cast<std::size_t>(size), t.offset};
    return {};
  }
  return {status::external_data_missing, t.offset, from.location};
}

constexpr std::uint32_t typed_field(element type) noexcept {
  switch (type) {
  case element::float32: return tensor_float_data;
  case element::float64: return tensor_double_data;
  case element::int64: return tensor_int64_data;
  case element::uint32:
  case element::uint64: return tensor_uint64_data;
  case element::string: return tensor_string_data;
  default: return tensor_int32_data;
  }
}

constexpr bool is_typed_field(std::uint32_t number) noexcept {
  return (number >= tensor_float_data && number <= tensor_int64_data &&
          number != tensor_string_data) ||
         number == tensor_double_data || number == tensor_uint64_data;
}

// Are there exactly `count` elements, each within the element type?
[[gnu::noinline]] constexpr error check_elements(const tensor& t) noexcept {
  if (element_reader::width(t.type) == 0) return {}; // of no use here
  if (t.is_raw) {
    const std::uint64_t need = t.count * element_reader::width(t.type);
    if (t.raw.size < need) return {status::short_data, t.raw.offset, t.name};
    if (t.raw.size > need) return {status::long_data, t.raw.offset, t.name};
    return {};
  }
  std::uint64_t seen = 0, bits = 0;
  element_reader reader(t);
  while (reader.next(bits)) {
    if (++seen > t.count) return {status::long_data, reader.offset(), t.name};
    const auto value = static_cast<std::int64_t>(bits);
    if ((t.type == element::int8 && (value < -128 || value > 127)) ||
        (t.type == element::uint8 && (value < 0 || value > 255)))
      return {status::value_out_of_range, reader.offset(), t.name};
  }
  if (reader.code() != status::ok) return {reader.code(), reader.offset(), t.name};
  if (seen == 0) return {status::missing_data, t.offset, t.name};
  if (seen < t.count) return {status::short_data, t.offset, t.name};
  return {};
}

// A message that is not read further must be well-formed all the same.
constexpr error check_message(const field& message, std::string_view where) noexcept {
  if (message.type != wire::length_delimited)
    return {status::wrong_wire_type, message.offset, where};
  for (cursor c(message.payload); !c.done();) {
    field f;
    const std::size_t at = c.offset();
    if (const status e = c.next(f); e != status::ok) return {e, at, where};
  }
  return {};
}

// The wire types that this reader relies on.
constexpr bool tensor_wire_type_ok(const field& f) noexcept {
  switch (f.number) {
  case tensor_data_type:
  case tensor_data_location: return f.type == wire::varint;
  case tensor_name:
  case tensor_raw_data:
  case tensor_external_data: return f.type == wire::length_delimited;
  default: return true;
  }
}

} // namespace detail

// The name that a message gives itself in field `number`, for errors; empty where it has none.
[[gnu::noinline]] constexpr std::string_view name_in(view message, std::uint32_t number) noexcept {
  std::string_view found{};
  for (cursor c(message); !c.done();) {
    field f;
    if (c.next(f) != status::ok) break;
    if (f.is(number, wire::length_delimited)) found = f.payload.text();
  }
  return found;
}

namespace detail {

// All fields of a TensorProto but the elements in typed fields.
[[gnu::noinline]] constexpr error read_tensor(view message, external_files files,
                                              tensor& t) noexcept {
  external_reference external;
  std::uint32_t typed = 0; // the typed data field seen, if any
  std::size_t typed_fields = 0;
  view packed{};
  std::uint64_t type = 0;
  for (cursor c(message); !c.done();) {
    field f;
    const std::size_t at = c.offset();
    if (const status e = c.next(f); e != status::ok) return {e, at};
    if (!tensor_wire_type_ok(f)) return {status::wrong_wire_type, f.offset};
    switch (f.number) {
    case tensor_dims:
      if (const error e = append_dimensions(t, f); failed(e)) return e;
      break;
    case tensor_data_type: type = f.value; break;
    case tensor_name: t.name = f.payload.text(); break;
    case tensor_raw_data: t.is_raw = true, t.raw = f.payload; break;
    case tensor_segment: return {status::unsupported_feature, f.offset};
    case tensor_data_location:
      external.used = f.value != 0;
      if (f.value > 1) return {status::bad_external_data, f.offset};
      break;
    case tensor_external_data:
      if (const error e = read_external_entry(external, f); failed(e)) return e;
      break;
    case tensor_metadata:
      if (const error e = check_message(f, t.name); failed(e)) return e;
      break;
    default:
      if (!is_typed_field(f.number)) break;
      if (typed != 0 && typed != f.number) return {status::ambiguous_data, f.offset};
      typed = f.number;
      ++typed_fields;
      packed = f.type == wire::length_delimited ? f.payload : view{};
    }
  }
  if ((t.is_raw && typed != 0) || (external.used && (t.is_raw || typed != 0)))
    return {status::ambiguous_data, t.offset};
  if (external.has_entries && !external.used) return {status::bad_external_data, t.offset};
  if (type == 0 || type > 64) return {status::wrong_element_type, t.offset};
  t.type = static_cast<element>(type);
  t.data_field = typed_field(t.type);
  if (typed != 0 && typed != t.data_field) return {status::wrong_element_type, t.offset};
  // One packed array of floats is what raw data would be, and as quick to read.
  if (typed_fields == 1 && (t.type == element::float32 || t.type == element::float64) &&
      packed.size != 0 && packed.size == t.count * element_reader::width(t.type))
    t.is_raw = true, t.raw = packed;
  return external.used ? resolve_external(t, external, files) : error{};
}

} // namespace detail

// Reads a TensorProto whole: shape, type, and that its data is there, neither short nor long.
[[gnu::noinline]] constexpr error parse_tensor(view message, external_files files,
                                               tensor& out) noexcept {
  out = {};
  out.offset = message.offset;
  out.body = message;
  error e = detail::read_tensor(message, files, out);
  if (!failed(e)) e = detail::check_elements(out);
  if (failed(e) && e.where.empty()) e.where = name_in(message, detail::tensor_name);
  return e;
}

// AttributeProto.AttributeType
enum class attribute_type : std::uint32_t {
  undefined = 0,
  float32 = 1,
  int64 = 2,
  string = 3,
  tensor = 4,
  floats = 6,
  ints = 7,
};

struct attribute {
  std::string_view name{};
  std::size_t offset = 0;
  attribute_type type = attribute_type::undefined;
  float f = 0;
  std::int64_t i = 0;
  std::string_view s{};
  view t{};
  std::size_t t_offset = 0; // of the field that holds `t`
  view body{};
};

namespace detail {

// AttributeProto
inline constexpr std::uint32_t attribute_name = 1, attribute_f = 2, attribute_i = 3,
                               attribute_s = 4, attribute_t = 5, attribute_g = 6,
                               attribute_floats = 7, attribute_ints = 8, attribute_strings = 9,
                               attribute_tensors = 10, attribute_graphs = 11, attribute_kind = 20,
                               attribute_ref = 21, attribute_sparse = 22;

// The attribute type that a value field stands for, and whether its wire type may be `type`.
constexpr attribute_type type_of_field(const field& f) noexcept {
  const bool bytes = f.type == wire::length_delimited;
  switch (f.number) {
  case attribute_f: return f.type == wire::fixed32 ? attribute_type::float32 : attribute_type{};
  case attribute_i: return f.type == wire::varint ? attribute_type::int64 : attribute_type{};
  case attribute_s: return bytes ? attribute_type::string : attribute_type{};
  case attribute_t: return bytes ? attribute_type::tensor : attribute_type{};
  case attribute_floats:
    return bytes || f.type == wire::fixed32 ? attribute_type::floats : attribute_type{};
  case attribute_ints:
    return bytes || f.type == wire::varint ? attribute_type::ints : attribute_type{};
  default: return attribute_type::undefined;
  }
}

constexpr status take_value(const field& f, attribute& a) noexcept {
  const attribute_type type = type_of_field(f);
  if (type == attribute_type::undefined) return status::wrong_wire_type;
  if (a.type != attribute_type::undefined && a.type != type) return status::bad_attribute;
  if (a.type == attribute_type::tensor) return status::duplicate_field;
  a.type = type;
  switch (f.number) {
  case attribute_f: a.f = std::bit_cast<float>(static_cast<std::uint32_t>(f.value)); break;
  case attribute_i: a.i = static_cast<std::int64_t>(f.value); break;
  case attribute_s: a.s = f.payload.text(); break;
  case attribute_t: a.t = f.payload, a.t_offset = f.offset; break;
  default: break;
  }
  return status::ok;
}

} // namespace detail

// Reads an AttributeProto: exactly one kind of value, which its declared type names (required since
// IR version 2).
[[gnu::noinline]] constexpr error parse_attribute(view message, attribute& out) noexcept {
  using namespace detail;
  attribute a;
  a.offset = message.offset;
  a.body = message;
  std::uint64_t declared = 0;
  for (cursor c(message); !c.done();) {
    field f;
    const std::size_t at = c.offset();
    if (const status e = c.next(f); e != status::ok) return {e, at, a.name};
    switch (f.number) {
    case attribute_name:
      if (f.type != wire::length_delimited) return {status::wrong_wire_type, f.offset, a.name};
      a.name = f.payload.text();
      break;
    case attribute_kind:
      if (f.type != wire::varint) return {status::wrong_wire_type, f.offset, a.name};
      declared = f.value;
      break;
    case attribute_ref:
    case attribute_g:
    case attribute_graphs:
    case attribute_sparse:
    case attribute_tensors:
    case attribute_strings: return {status::unsupported_feature, f.offset, a.name};
    case attribute_f:
    case attribute_i:
    case attribute_s:
    case attribute_t:
    case attribute_floats:
    case attribute_ints:
      if (const status e = take_value(f, a); e != status::ok) return {e, f.offset, a.name};
      break;
    default: break;
    }
  }
  if (a.name.empty()) return {status::missing_name, a.offset, "attribute"};
  // proto3 leaves a zero value out: the declared type then says what the zero is
  if (a.type == attribute_type::undefined && declared >= 1 && declared <= 7 && declared != 5)
    a.type = static_cast<attribute_type>(declared);
  if (a.type == attribute_type::undefined || declared != static_cast<std::uint64_t>(a.type))
    return {status::bad_attribute, a.offset, a.name};
  out = a;
  return {};
}

// The elements of a float, int, floats or ints attribute, as a tensor of rank 0 or 1.
[[gnu::noinline]] constexpr error tensor_of(const attribute& a, tensor& out) noexcept {
  tensor t;
  t.name = a.name;
  t.offset = a.offset;
  t.body = a.body;
  const bool is_float = a.type == attribute_type::float32 || a.type == attribute_type::floats;
  const bool is_list = a.type == attribute_type::floats || a.type == attribute_type::ints;
  t.type = is_float ? element::float32 : element::int64;
  t.data_field = is_float ? (is_list ? detail::attribute_floats : detail::attribute_f)
                          : (is_list ? detail::attribute_ints : detail::attribute_i);
  std::uint64_t count = 0, bits = 0;
  element_reader reader(t);
  while (reader.next(bits)) ++count;
  if (reader.code() != status::ok) return {reader.code(), reader.offset(), a.name};
  if (count == 0) return {status::missing_data, a.offset, a.name};
  if (!is_list && count != 1) return {status::bad_attribute, a.offset, a.name};
  if (count > max_elements) return {status::dimension_overflow, a.offset, a.name};
  t.rank = is_list ? 1 : 0;
  t.dims[0] = is_list ? static_cast<std::uint32_t>(count) : 0;
  t.count = count;
  out = t;
  return {};
}

} // namespace tinymlp::onnx
