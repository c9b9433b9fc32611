// The wire format, at its limits. Source: Protocol Buffers, "Encoding".
#include "both_ways.hpp"
#include "onnx_writer.hpp"

#include <tinymlp/protobuf.hpp>

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

using namespace std::literals;
using tinymlp::status;
namespace w = onnx_writer;
namespace pb = tinymlp::protobuf;

namespace {

constexpr std::uint64_t all_ones = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t base = 1000; // where the bytes start in their file

constexpr pb::cursor over(std::string_view bytes) {
  return pb::cursor(pb::view{bytes.data(), bytes.size(), base});
}

// The varint at the front of `bytes`, if it is read and the cursor stops after `length`.
constexpr std::optional<std::uint64_t> varint_of(std::string_view bytes, std::size_t length) {
  pb::cursor c = over(bytes);
  std::uint64_t value = 0;
  if (c.varint(value) != status::ok || c.offset() != base + length) return std::nullopt;
  return value;
}

// Is the varint refused with `code`, and neither cursor nor output changed?
constexpr bool varint_refused(std::string_view bytes, status code) {
  pb::cursor c = over(bytes);
  std::uint64_t value = 4711;
  return c.varint(value) == code && c.offset() == base && value == 4711;
}

constexpr bool field_refused(std::string_view bytes, status code) {
  pb::cursor c = over(bytes);
  pb::field f;
  f.number = 4711;
  f.offset = 1;
  return c.next(f) == code && c.offset() == base && f.number == 4711 && f.offset == 1 &&
         f.payload.data == nullptr && c.done() == bytes.empty();
}

// The sole field of `bytes`, which must end with it.
constexpr std::optional<pb::field> field_of(std::string_view bytes) {
  pb::cursor c = over(bytes);
  pb::field f;
  if (c.next(f) != status::ok || !c.done() || c.offset() != base + bytes.size())
    return std::nullopt;
  if (f.offset != base) return std::nullopt;
  return f;
}

constexpr bool round_trips(std::uint64_t value, std::size_t length) {
  return varint_of(w::varint(value, length).put("tail").view(), length) == value;
}

constexpr std::size_t bytes_needed(std::uint64_t value) { return w::varint(value).size(); }

} // namespace

TEST_CASE("a varint of every length, at both ends of its range") {
  CHECK_BOTH_WAYS(round_trips(0, 1));
  CHECK_BOTH_WAYS(round_trips(127, 1));
  CHECK_BOTH_WAYS([] {
    for (unsigned length = 2; length <= 10; ++length) {
      const std::uint64_t least = std::uint64_t{1} << (7 * (length - 1));
      const std::uint64_t most = length == 10 ? all_ones : least * 128 - 1;
      if (bytes_needed(least) != length || !round_trips(least, length)) return false;
      if (bytes_needed(most) != length || !round_trips(most, length)) return false;
    }
    return true;
  }());
}

TEST_CASE("overlong varints are read, as protobuf parsers do, up to ten bytes") {
  CHECK_BOTH_WAYS(varint_of("\x80\0"sv, 2) == 0);
  CHECK_BOTH_WAYS(varint_of("\x81\x80\x80\x80\x80\x80\x80\x80\x80\0"sv, 10) == 1);
  CHECK_BOTH_WAYS([] {
    for (std::size_t length = 1; length <= 10; ++length)
      if (!round_trips(1, length) || !round_trips(0, length)) return false;
    return true;
  }());
}

TEST_CASE("a varint that does not fit 64 bits, or ten bytes, is refused and changes nothing") {
  CHECK_BOTH_WAYS(varint_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv, 10) == all_ones);
  CHECK_BOTH_WAYS(varint_refused("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"sv, status::bad_varint));
  CHECK_BOTH_WAYS(varint_refused("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f"sv, status::bad_varint));
  CHECK_BOTH_WAYS(
      varint_refused("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0"sv, status::bad_varint));
  CHECK_BOTH_WAYS(
      varint_refused("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv, status::bad_varint));
  CHECK_BOTH_WAYS(varint_refused(""sv, status::truncated));
  CHECK_BOTH_WAYS([] { // without its last byte, at every length
    for (std::size_t length = 1; length < 10; ++length)
      if (!varint_refused(w::varint(1, length + 1).first(length).view(), status::truncated))
        return false;
    return true;
  }());
}

TEST_CASE("each wire type carries its value") {
  CHECK_BOTH_WAYS(field_of("\x08\x96\x01"sv)->is(1, pb::wire::varint));
  CHECK_BOTH_WAYS(field_of("\x08\x96\x01"sv)->value == 150); // the encoding guide's own example
  CHECK_BOTH_WAYS(field_of("\x12\x07testing"sv)->payload.text() == "testing");
  CHECK_BOTH_WAYS(field_of("\x12\x07testing"sv)->payload.offset == base + 2);
  CHECK_BOTH_WAYS(field_of("\x12\0"sv)->payload.size == 0);
  CHECK_BOTH_WAYS(field_of("\x12\0"sv)->payload.data != nullptr);
  CHECK_BOTH_WAYS(field_of("\x0d\x01\x02\x03\x84"sv)->value == 0x84030201U);
  CHECK_BOTH_WAYS(field_of("\x09\x01\x02\x03\x04\x05\x06\x07\x88"sv)->value == 0x8807060504030201U);
}

TEST_CASE("field numbers are 1 to 2^29 - 1") {
  constexpr std::uint64_t limit = std::uint64_t{1} << 29;
  CHECK_BOTH_WAYS(
      field_of(w::varint_field(static_cast<std::uint32_t>(limit - 1), 7).view())->number ==
      limit - 1);
  CHECK_BOTH_WAYS(field_refused(w::tag(0, w::wire::varint).put("\x01").view(), status::bad_field));
  CHECK_BOTH_WAYS(
      field_refused(w::tag(limit, w::wire::varint).put("\x01").view(), status::bad_field));
  CHECK_BOTH_WAYS(
      field_refused(w::tag(all_ones >> 3, w::wire::varint).put("\x01").view(), status::bad_field));
  // a tag whose low 32 bits alone would be field 1
  CHECK_BOTH_WAYS(
      field_refused(w::varint((std::uint64_t{1} << 32) | 8).put("\x01").view(), status::bad_field));
}

TEST_CASE("groups and the two unused wire types are refused") {
  CHECK_BOTH_WAYS(field_refused("\x0b\x0c"sv, status::bad_field));
  CHECK_BOTH_WAYS(field_refused("\x0c"sv, status::bad_field));
  CHECK_BOTH_WAYS(field_refused("\x0e\x01"sv, status::bad_field));
  CHECK_BOTH_WAYS(field_refused("\x0f\x01"sv, status::bad_field));
}

TEST_CASE("a 64-bit length is compared with what remains and cannot wrap around") {
  const auto refused = [](std::uint64_t length, std::size_t remain) {
    w::bytes message = w::tag(2, w::wire::delimited).put(w::varint(length));
    for (std::size_t i = 0; i < remain; ++i) message.put('x');
    return field_refused(message.view(), status::truncated);
  };
  CHECK_BOTH_WAYS([=] {
    constexpr std::uint64_t lengths[] = {6,
                                         127,
                                         128,
                                         0x7fffffff,
                                         0x80000000,
                                         0xffffffff,
                                         0x100000000,
                                         0x100000005, // 5 in 32 bits
                                         0x7fffffffffffffff,
                                         0x8000000000000000,
                                         all_ones - 5,
                                         all_ones};
    for (const std::uint64_t length : lengths)
      if (!refused(length, 5) || !refused(length, 0)) return false;
    return true;
  }());
  CHECK_BOTH_WAYS(field_of("\x12\x05xxxxx"sv)->payload.size == 5);
}

TEST_CASE("every prefix of a field is refused, at its start, and changes nothing") {
  constexpr auto check = [](std::string_view whole) {
    if (!field_of(whole)) return false;
    for (std::size_t n = 0; n < whole.size(); ++n)
      if (!field_refused(whole.substr(0, n), status::truncated)) return false;
    return true;
  };
  CHECK_BOTH_WAYS(check("\xf8\xff\xff\xff\x0f\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv));
  CHECK_BOTH_WAYS(check("\x12\x07testing"sv));
  CHECK_BOTH_WAYS(check("\x0d\x01\x02\x03\x84"sv));
  CHECK_BOTH_WAYS(check("\x09\x01\x02\x03\x04\x05\x06\x07\x88"sv));
}

TEST_CASE("a failed read leaves the cursor where a good one may go on") {
  CHECK_BOTH_WAYS([] {
    pb::cursor c = over("\x08\x01\x15\x01\x02\x03"sv); // a varint, then a cut fixed32
    pb::field f;
    if (c.next(f) != status::ok || f.value != 1) return false;
    const std::size_t at = c.offset();
    if (c.next(f) != status::truncated || c.offset() != at || f.value != 1) return false;
    std::uint64_t value = 0;
    if (c.fixed(8, value) != status::truncated || c.offset() != at) return false;
    return c.fixed(4, value) == status::ok && value == 0x03020115U && c.done();
  }());
}

TEST_CASE("fields follow one another and keep their offsets, nested ones too") {
  CHECK_BOTH_WAYS([] {
    const w::bytes inner = w::varint_field(3, 300);
    const w::bytes message =
        w::varint_field(1, 1).put(w::field(2, inner)).put(w::float_field(4, 1));
    pb::cursor c = over(message.view());
    pb::field f;
    if (c.next(f) != status::ok || f.offset != base) return false;
    if (c.next(f) != status::ok || f.offset != base + 2 || f.payload.offset != base + 4)
      return false;
    pb::cursor nested(f.payload);
    pb::field g;
    if (nested.next(g) != status::ok || g.offset != base + 4 || g.value != 300) return false;
    if (!nested.done() || nested.next(g) != status::truncated) return false;
    return c.next(f) == status::ok && f.offset == base + 7 && f.value == 0x3f800000 && c.done();
  }());
}

TEST_CASE("nothing beyond the bytes is read") {
  // exactly sized heap buffers: a sanitizer sees an overread
  const w::bytes whole =
      w::field(2, "payload").put(w::varint_field(1, all_ones)).put(w::double_field(3, 1));
  for (std::size_t n = 0; n <= whole.size(); ++n) {
    const std::unique_ptr<char[]> copy(new char[n]);
    whole.view().copy(copy.get(), n);
    pb::cursor c(pb::view{copy.get(), n, 0});
    pb::field f;
    while (c.next(f) == status::ok) CHECK(c.offset() <= n);
    CHECK(c.offset() <= n);
  }
  pb::cursor nothing(pb::view{});
  pb::field f;
  CHECK(nothing.done());
  CHECK(nothing.next(f) == status::truncated);
}
