// A cursor over the protobuf wire format: reads field after field of a message, as views, at
// compile time and at run time. It allocates nothing and recurses never; a failed read changes
// neither the cursor nor its output. Source: Protocol Buffers, "Encoding".
#pragma once

#include <tinymlp/error.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tinymlp::protobuf {

enum class wire : std::uint8_t {
  varint = 0,
  fixed64 = 1,
  length_delimited = 2,
  fixed32 = 5, // 3 and 4, groups, occur in no ONNX message and are refused
};

// Bytes of one message, string or packed array, and where they start in the file.
struct view {
  const char* data = nullptr;
  std::size_t size = 0;
  std::size_t offset = 0;

  constexpr std::string_view text() const noexcept { return {data, size}; }
};

// One field as it stands on the wire. `value` holds a varint or the bits of a fixed field,
// `payload` a length-delimited one; `offset` is that of its tag.
struct field {
  std::uint32_t number = 0;
  wire type = wire::varint;
  std::size_t offset = 0;
  std::uint64_t value = 0;
  view payload{};

  constexpr bool is(std::uint32_t n, wire t) const noexcept { return number == n && type == t; }
};

class cursor {
public:
  constexpr explicit cursor(view bytes) noexcept : bytes_(bytes) {}

  constexpr bool done() const noexcept { return at_ == bytes_.size; }
  // Offset in the file of the next byte.
  constexpr std::size_t offset() const noexcept { return bytes_.offset + at_; }

  // At most 10 bytes, at most 64 bits.
  constexpr status varint(std::uint64_t& out) noexcept {
    if (at_ != bytes_.size && static_cast<unsigned char>(bytes_.data[at_]) < 0x80) {
      out = static_cast<unsigned char>(bytes_.data[at_++]);
      return status::ok;
    }
    std::uint64_t value = 0;
    std::size_t at = at_;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      if (at == bytes_.size) return status::truncated;
      const auto byte = static_cast<unsigned char>(bytes_.data[at++]);
      if (shift == 63 && byte > 1) return status::bad_varint;
      value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
      if (byte < 0x80) {
        out = value;
        at_ = at;
        return status::ok;
      }
    }
    return status::bad_varint;
  }

  // `width` bytes, 4 or 8, little-endian.
  constexpr status fixed(std::size_t width, std::uint64_t& out) noexcept {
    if (bytes_.size - at_ < width) return status::truncated;
    out = little_endian(bytes_.data + at_, width);
    at_ += width;
    return status::ok;
  }

  // The next field, its value included.
  constexpr status next(field& out) noexcept {
    // Nearly all fields are short: few steps for them in constant expressions.
    if (bytes_.size - at_ >= 2) {
      const auto tag = static_cast<unsigned char>(bytes_.data[at_]);
      const auto size = static_cast<unsigned char>(bytes_.data[at_ + 1]);
      if (tag >= 8 && (tag & 0x87) == 2 && size < 0x80 && size <= bytes_.size - at_ - 2) {
        out =
            field{static_cast<std::uint32_t>(tag >> 3), wire::length_delimited, bytes_.offset + at_,
                  0, view{bytes_.data + at_ + 2, size, bytes_.offset + at_ + 2}};
        at_ += 2U + size;
        return status::ok;
      }
      if (tag >= 8 && (tag & 0x87) == 0 && size < 0x80) { // a small number
        out = field{static_cast<std::uint32_t>(tag >> 3), wire::varint, bytes_.offset + at_, size,
                    view{}};
        at_ += 2;
        return status::ok;
      }
      if ((tag & 0x87) == 0x80 && size < 0x80 && size != 0 && bytes_.size - at_ >= 3 &&
          static_cast<unsigned char>(bytes_.data[at_ + 2]) < 0x80) { // of a field from 16 on
        out = field{static_cast<std::uint32_t>((tag & 0x7f) >> 3 | size << 4), wire::varint,
                    bytes_.offset + at_, static_cast<unsigned char>(bytes_.data[at_ + 2]), view{}};
        at_ += 3;
        return status::ok;
      }
      if (tag >= 8 && (tag & 0x87) == 5 && bytes_.size - at_ >= 5) {
        out = field{static_cast<std::uint32_t>(tag >> 3), wire::fixed32, bytes_.offset + at_,
                    little_endian(bytes_.data + at_ + 1, 4), view{}};
        at_ += 5;
        return status::ok;
      }
    }
    return next_of_any_length(out);
  }

  static constexpr std::uint64_t little_endian(const char* bytes, std::size_t width) noexcept {
    std::uint64_t value = 0;
    if (width == 4)
      return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[0])) |
             static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[1])) << 8 |
             static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[2])) << 16 |
             static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[3])) << 24;
    for (std::size_t i = 0; i < width; ++i)
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    return value;
  }

private:
  constexpr status next_of_any_length(field& out) noexcept {
    const std::size_t start = at_;
    field f;
    f.offset = bytes_.offset + at_;
    status e = tag(f);
    if (e == status::ok) e = value(f);
    if (e != status::ok)
      at_ = start;
    else
      out = f;
    return e;
  }

  constexpr status tag(field& f) noexcept {
    std::uint64_t tag = 0;
    if (const status e = varint(tag); e != status::ok) return e;
    const std::uint64_t number = tag >> 3, type = tag & 7;
    if (number == 0 || number >= (std::uint64_t{1} << 29)) return status::bad_field;
    if (type == 3 || type == 4 || type > 5) return status::bad_field;
    f.number = static_cast<std::uint32_t>(number);
    f.type = static_cast<wire>(type);
    return status::ok;
  }

  constexpr status value(field& f) noexcept {
    switch (f.type) {
    case wire::varint: return varint(f.value);
    case wire::fixed64: return fixed(8, f.value);
    case wire::fixed32: return fixed(4, f.value);
    case wire::length_delimited: break;
    }
    std::uint64_t size = 0;
    if (const status e = varint(size); e != status::ok) return e;
    if (size > bytes_.size - at_) return status::truncated; // both unsigned: cannot wrap
    f.payload = {bytes_.data + at_, static_cast<std::size_t>(size), offset()};
    at_ += static_cast<std::size_t>(size);
    return status::ok;
  }

  view bytes_;
  std::size_t at_ = 0;
};

} // namespace tinymlp::protobuf
