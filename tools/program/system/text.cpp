#include "system/text.hpp"

#include <cstdint>

namespace tinymlp::tools {

namespace {

// Bytes of the well-formed UTF-8 character at the front (RFC 3629), 0 if there is none.
std::size_t character_length(std::string_view text, std::uint32_t& code) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t length = byte(0) < 0x80 ? 1 : byte(0) < 0xE0 ? 2 : byte(0) < 0xF0 ? 3 : 4;
  if (length == 1) {
    code = byte(0);
    return 1;
  }
  if (byte(0) < 0xC2 || byte(0) > 0xF4 || text.size() < length) return 0;
  code = byte(0) & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3FU);
  }
  constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code < 0xE000;
  return code < least[length] || code > 0x10FFFF || surrogate ? 0 : length;
}

// Control characters; and of Unicode's format characters those that reorder what stands around them
// (UAX #9), are not seen at all, or break the line.
bool is_control(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x61C || code == 0xAD ||
         (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF ||
         (code >= 0xFFF9 && code <= 0xFFFB) || (code >= 0xE0000 && code <= 0xE007F);
}

std::string clean(std::string_view text, bool drop_controls, std::size_t longest) {
  std::string out;
  while (!text.empty() && out.size() < longest) {
    std::uint32_t code = 0;
    const std::size_t length = character_length(text, code);
    const bool shown = length > 0 && !(drop_controls && is_control(code));
    if (shown && out.size() + length > longest) break;
    out += shown ? text.substr(0, length) : "?";
    text.remove_prefix(length > 0 ? length : 1);
  }
  return text.empty() ? out : out + "...";
}

} // namespace

std::string to_utf8(std::string_view text) { return clean(text, false, text.size()); }

std::string printable(std::string_view text, std::size_t longest) {
  return clean(text, true, longest);
}

std::string small_letters(std::string_view text) {
  std::string small(text);
  for (char& c : small)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return small;
}

std::string size_text(std::size_t bytes) {
  constexpr std::size_t mib = std::size_t{1} << 20;
  return bytes % mib == 0 ? fmt::format("{} MiB", bytes / mib) : fmt::format("{} KiB", bytes >> 10);
}

} // namespace tinymlp::tools
