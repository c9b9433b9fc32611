#include "logs/json_values.hpp"

#include <array>
#include <cstring>

#include "system/failure.hpp"

namespace tinymlp::tools {

namespace {

constexpr std::string_view blanks = " \t\r\n";
constexpr std::size_t deepest = 64;

constexpr std::array<bool, 256> brackets_and_quotes = [] {
  std::array<bool, 256> found{};
  for (const char c : {'{', '}', '[', ']', '"'}) found[static_cast<unsigned char>(c)] = true;
  return found;
}();

} // namespace

void json_values::finish() noexcept {
  text_.consume(pending_);
  pending_ = 0;
}

std::string json_values::where(std::size_t count) const {
  return fmt::format("{}:{}: byte {}", text_.name(), text_.line(count), text_.offset(count));
}

void json_values::refuse_end(bool in_string) {
  fail("{}: not valid JSON: it ends before its {} closed: cut off?", where(text_.ahead().size()),
       in_string ? "last string is" : "objects and arrays are");
}

char json_values::peek() {
  finish();
  for (;;) {
    const std::string_view ahead = text_.ahead();
    const std::size_t first = ahead.find_first_not_of(blanks);
    text_.consume(first == std::string_view::npos ? ahead.size() : first);
    if (first != std::string_view::npos) return ahead[first];
    if (!text_.more()) return '\0';
  }
}

std::string_view json_values::value() {
  switch (peek()) {
  case '\0': refuse_end(false);
  case '{':
  case '[': pending_ = end_of_brackets(); break;
  case '"': pending_ = end_of_string(1); break;
  case '}':
  case ']':
  case ',':
  case ':': fail("{}: not valid JSON: a value is missing", where());
  default: pending_ = end_of_scalar(); break;
  }
  return text_.ahead().substr(0, pending_);
}

// Behind the quote that closes the string whose text begins at `from`.
std::size_t json_values::end_of_string(std::size_t from) {
  std::size_t at = from;
  for (;;) {
    const std::string_view ahead = text_.ahead();
    const void* quote = std::memchr(ahead.data() + at, '"', ahead.size() - at);
    if (quote == nullptr) {
      at = ahead.size();
      if (!text_.more()) refuse_end(true);
      continue;
    }
    at = static_cast<std::size_t>(static_cast<const char*>(quote) - ahead.data());
    std::size_t slashes = 0;
    while (at - slashes > from && ahead[at - slashes - 1] == '\\') ++slashes;
    ++at;
    if (slashes % 2 == 0) return at;
  }
}

std::size_t json_values::end_of_brackets() {
  std::array<char, deepest> open{}; // what closes each
  std::size_t depth = 0;
  for (std::size_t at = 0;;) {
    const std::string_view ahead = text_.ahead();
    while (at < ahead.size() && !brackets_and_quotes[static_cast<unsigned char>(ahead[at])]) ++at;
    if (at == ahead.size()) {
      if (!text_.more()) refuse_end(false);
      continue;
    }
    const char c = ahead[at];
    if (c == '"') {
      at = end_of_string(at + 1);
      continue;
    }
    if (c == '{' || c == '[') {
      if (depth == deepest) fail("{}: nested too deeply", where(at));
      open[depth++] = c == '{' ? '}' : ']';
    } else {
      if (c != open[depth - 1])
        fail("{}: not valid JSON: {} where {} should close", where(at), c, open[depth - 1]);
      if (--depth == 0) return at + 1;
    }
    ++at;
  }
}

std::size_t json_values::end_of_scalar() {
  for (std::size_t at = 0;;) {
    at = text_.ahead().find_first_of(",:{}[]\" \t\r\n", at);
    if (at != std::string_view::npos) return at;
    at = text_.ahead().size();
    if (!text_.more()) return at;
  }
}

} // namespace tinymlp::tools
