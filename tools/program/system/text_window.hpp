// Text that is read forwards through a window: what has been consumed is forgotten, so that a text
// of any length takes constant memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "system/byte_source.hpp"

namespace tinymlp::tools {

class text_window {
public:
  // `padding` bytes behind the text are always there to be read over. `longest`: unconsumed bytes
  // that are held at most. `idle` is told when more may take a while: the source is a pipe that is
  // empty for now.
  text_window(byte_source& source, std::size_t padding, std::size_t longest,
              std::function<void()> idle = {});

  // The text in memory that has not been consumed. Valid until the next call of more().
  std::string_view ahead() const noexcept { return {buffer_.data() + begin_, end_ - begin_}; }
  // Reads on, which may move the text; false at the end of the source. Throws failure for a NUL
  // byte, and where `longest` bytes are ahead already.
  bool more();
  // Forgets the first bytes ahead, but leaves them in memory until the next call of more().
  void consume(std::size_t count) noexcept;

  const std::string& name() const noexcept { return source_.name(); }
  // Of a byte that many bytes ahead: its place in the text, and its line, 1 first.
  std::uint64_t offset(std::size_t count = 0) const noexcept { return consumed_ + count; }
  std::uint64_t line(std::size_t count = 0) const noexcept;

private:
  byte_source& source_;
  std::size_t padding_, longest_;
  std::function<void()> idle_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  std::uint64_t consumed_ = 0, newlines_ = 0; // newlines: among what has been consumed
};

} // namespace tinymlp::tools
