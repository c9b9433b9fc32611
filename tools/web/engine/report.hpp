// What the shims tell JavaScript: numbers and texts one behind the other, in memory that the next
// report replaces. Numbers are little-endian doubles, texts a number and so many bytes.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace tinymlp::web {

class report {
public:
  void clear() noexcept { size_ = 0; }
  void number(double value) noexcept { append(&value, sizeof value); }
  void text(std::string_view text) noexcept {
    number(static_cast<double>(text.size()));
    append(text.data(), text.size());
  }
  const char* data() const noexcept { return data_; }

private:
  void append(const void* from, std::size_t size) noexcept {
    if (size_ + size > room_) {
      const std::size_t room = 2 * (size_ + size);
      void* const grown = std::realloc(data_, room);
      if (grown == nullptr) __builtin_trap(); // which JavaScript sees as an exception
      data_ = static_cast<char*>(grown);
      room_ = room;
    }
    if (size > 0) std::memcpy(data_ + size_, from, size);
    size_ += size;
  }

  char* data_ = nullptr;
  std::size_t size_ = 0, room_ = 0;
};

} // namespace tinymlp::web
