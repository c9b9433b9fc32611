#include "system/text_window.hpp"

#include <algorithm>
#include <cstring>

#include "system/failure.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

constexpr std::size_t first_size = std::size_t{256} << 10;

std::uint64_t newlines_in(std::string_view text) {
  return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

} // namespace

text_window::text_window(byte_source& source, std::size_t padding, std::size_t longest,
                         std::function<void()> idle)
    : source_(source), padding_(padding), longest_(longest), idle_(std::move(idle)),
      buffer_(std::min(first_size, longest) + padding) {}

bool text_window::more() {
  const std::size_t held = end_ - begin_;
  if (begin_ > 0) std::memmove(buffer_.data(), buffer_.data() + begin_, held);
  begin_ = 0;
  end_ = held;
  if (held == buffer_.size() - padding_) {
    if (held >= longest_)
      fail("{}:{}: byte {}: a single value of more than {}", source_.name(), line(), offset(),
           size_text(longest_));
    buffer_.resize(std::min(held * 2, longest_) + padding_);
  }
  if (idle_ && source_.would_block()) idle_();
  const std::size_t got = source_.read({buffer_.data() + end_, buffer_.size() - padding_ - end_});
  const void* nul = got == 0 ? nullptr : std::memchr(buffer_.data() + end_, '\0', got);
  if (nul != nullptr) {
    const auto at = static_cast<std::size_t>(static_cast<const char*>(nul) - buffer_.data());
    fail("{}: a NUL byte at byte {}", source_.name(), offset(at));
  }
  end_ += got;
  // What follows the text must not look like more of it.
  std::memset(buffer_.data() + end_, ' ', padding_);
  return got > 0;
}

void text_window::consume(std::size_t count) noexcept {
  newlines_ += newlines_in(ahead().substr(0, count));
  begin_ += count;
  consumed_ += count;
}

std::uint64_t text_window::line(std::size_t count) const noexcept {
  return 1 + newlines_ + newlines_in(ahead().substr(0, count));
}

} // namespace tinymlp::tools
