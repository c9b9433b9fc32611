// The protobuf wire format, written: one message at a time, into a growing string. The reading
// side is tinymlp/protobuf.hpp.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace tinymlp::tools {

// Fields stand in the bytes in the order of the calls, so equal calls give equal bytes.
class protobuf_message {
public:
  void add_varint(std::uint32_t number, std::uint64_t value) {
    tag(number, 0);
    varint(value);
  }
  void add_float(std::uint32_t number, float value) {
    tag(number, 5);
    little_endian(std::bit_cast<std::uint32_t>(value), 4);
  }
  // A varint (type 0) or the bits of a fixed field (1: 8 bytes, 5: 4 bytes), as it was read.
  void add_number(std::uint32_t number, unsigned type, std::uint64_t bits) {
    if (type == 0) return add_varint(number, bits);
    tag(number, type);
    little_endian(bits, type == 1 ? 8 : 4);
  }
  // A string, bytes or an embedded message.
  void add_bytes(std::uint32_t number, std::string_view bytes) {
    tag(number, 2);
    varint(bytes.size());
    bytes_ += bytes;
  }
  void add_message(std::uint32_t number, const protobuf_message& message) {
    add_bytes(number, message.bytes_);
  }

  // Fields that are written already.
  void append(std::string_view fields) { bytes_ += fields; }

  const std::string& bytes() const noexcept { return bytes_; }

private:
  void tag(std::uint32_t number, unsigned type) { varint(std::uint64_t{number} << 3 | type); }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>((value & 0x7f) | 0x80);
    bytes_ += static_cast<char>(value);
  }
  void little_endian(std::uint64_t value, int width) {
    for (int i = 0; i < width; ++i) bytes_ += static_cast<char>(value >> (8 * i) & 0xff);
  }

  std::string bytes_;
};

} // namespace tinymlp::tools
