#include "system/byte_source.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/failure.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

byte_source::byte_source(const std::string& path)
    : name_(path == "-"    ? "standard input"
            : path.empty() ? "\"\""
                           : path),
      descriptor_(path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ < 0) fail("{}: cannot open: {}", name_, system_message(errno));
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) return;
  if (S_ISDIR(status.st_mode)) {
    if (descriptor_ != STDIN_FILENO) ::close(descriptor_);
    fail("{}: is a folder, not a file", name_);
  }
  if (S_ISREG(status.st_mode)) size_ = static_cast<std::uint64_t>(status.st_size);
}

byte_source::byte_source(std::string name, std::string_view text)
    : name_(std::move(name)), size_(text.size()), ahead_(text.begin(), text.end()) {}

byte_source::~byte_source() {
  if (descriptor_ > STDIN_FILENO) ::close(descriptor_);
}

std::string_view byte_source::peek(std::size_t count) {
  std::size_t filled = ahead_.size();
  if (filled < count) ahead_.resize(count);
  while (filled < count) {
    const std::size_t got = read_some({ahead_.data() + filled, count - filled});
    if (got == 0) break;
    filled += got;
  }
  ahead_.resize(filled);
  return {ahead_.data(), std::min(count, filled)};
}

bool byte_source::would_block() const {
  if (follower_ != nullptr) return ahead_.empty() && follower_->must_wait(descriptor_);
  if (size_ || !ahead_.empty()) return false;
  struct pollfd waiting {
    descriptor_, POLLIN, 0
  };
  return ::poll(&waiting, 1, 0) == 0;
}

std::size_t byte_source::read(std::span<char> into) {
  std::size_t got = 0;
  if (!ahead_.empty()) {
    got = std::min(into.size(), ahead_.size());
    std::copy_n(ahead_.begin(), got, into.begin());
    ahead_.erase(ahead_.begin(), ahead_.begin() + static_cast<std::ptrdiff_t>(got));
  } else {
    got = read_some(into);
  }
  position_ += got;
  return got;
}

std::size_t byte_source::read_some(std::span<char> into) {
  if (descriptor_ < 0) return 0;
  for (;;) {
    if (follower_ != nullptr && follower_->must_wait(descriptor_)) follower_->wait(descriptor_);
    const ssize_t got = ::read(descriptor_, into.data(), into.size());
    if (got > 0 || (got == 0 && follower_ == nullptr)) return static_cast<std::size_t>(got);
    if (got < 0 && errno != EINTR) fail("{}: cannot read: {}", name_, system_message(errno));
  }
}

held_text read_whole(byte_source& source, std::size_t limit, std::size_t padding,
                     std::string_view advice) {
  held_text text;
  const auto too_large = [&] {
    fail("{}: larger than {}; {}", source.name(), size_text(limit), advice);
  };
  if (source.size().value_or(0) > limit) too_large();
  // One byte more than a regular file has, so that its end is seen without growing.
  text.bytes.resize(source.size() ? static_cast<std::size_t>(*source.size()) + padding + 1
                                  : std::size_t{1} << 16);
  for (;;) {
    if (text.bytes.size() - text.size <= padding) text.bytes.resize(text.bytes.size() * 2);
    const std::size_t room = text.bytes.size() - text.size - padding;
    const std::size_t got = source.read({text.bytes.data() + text.size, room});
    if (got == 0) break;
    text.size += got;
    if (text.size > limit) too_large();
  }
  std::fill(text.bytes.begin() + static_cast<std::ptrdiff_t>(text.size), text.bytes.end(), '\0');
  return text;
}

} // namespace tinymlp::tools
