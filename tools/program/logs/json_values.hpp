// Where the values of a JSON text end, so that a long document can be handed to a parser a value at
// a time. Only brackets and strings are looked at: whether a value is JSON is for the parser.
#pragma once

#include <cstddef>
#include <string_view>

#include "system/text_window.hpp"

namespace tinymlp::tools {

class json_values {
public:
  explicit json_values(text_window& text) : text_(text) {}

  // The next character that is not blank, not consumed; NUL at the end of the text.
  char peek();
  // Consumes the character that peek() gave.
  void skip() noexcept { text_.consume(1); }
  // The value that begins at what peek() gave, whole. It is consumed by the next call of anything
  // here, and valid until then. Throws failure, naming line and byte: the text ends inside the
  // value, brackets do not match, or it is nested deeper than 64.
  std::string_view value();

  // "log.json:7: byte 123": a byte of the latest value, or of what peek() gave.
  std::string where(std::size_t count = 0) const;

private:
  void finish() noexcept;
  [[noreturn]] void refuse_end(bool in_string);
  std::size_t end_of_string(std::size_t from);
  std::size_t end_of_brackets();
  std::size_t end_of_scalar();

  text_window& text_;
  std::size_t pending_ = 0; // bytes of the value that was handed out
};

} // namespace tinymlp::tools
