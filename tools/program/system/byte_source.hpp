// A file or standard input, read forwards once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tinymlp::tools {

// Asked where a file that still grows ends for now.
class follower {
public:
  virtual ~follower() = default;
  // Whether there is nothing to read for now.
  virtual bool must_wait(int descriptor) = 0;
  // Returns once there is more; throws where nobody waits any longer.
  virtual void wait(int descriptor) = 0;
};

class byte_source {
public:
  // `path` "-" is standard input. Throws failure when the path cannot be opened or is a folder.
  explicit byte_source(const std::string& path);
  // Text that is in memory already, under a name for messages.
  byte_source(std::string name, std::string_view text);
  byte_source(const byte_source&) = delete;
  byte_source& operator=(const byte_source&) = delete;
  ~byte_source();

  // How messages call it.
  const std::string& name() const noexcept { return name_; }
  // Bytes in a regular file; nothing for pipes and devices.
  std::optional<std::uint64_t> size() const noexcept { return size_; }
  // Bytes handed out so far.
  std::uint64_t position() const noexcept { return position_; }

  // From now on the end of the file is no end, but where `waiting` is asked.
  void follow(follower& waiting) noexcept { follower_ = &waiting; }
  // What was read is complete: from now on the end of the file is the end again.
  void expect_end() noexcept { follower_ = nullptr; }

  // The first bytes, up to `count`, without consuming them. Valid until the next call.
  std::string_view peek(std::size_t count);
  // Whether read() would have to wait, as on a pipe whose writer is slower.
  bool would_block() const;
  // 0 at the end. Throws failure when the system cannot read.
  std::size_t read(std::span<char> into);

private:
  std::size_t read_some(std::span<char> into);

  std::string name_;
  int descriptor_ = -1;
  follower* follower_ = nullptr;
  std::optional<std::uint64_t> size_;
  std::uint64_t position_ = 0;
  std::vector<char> ahead_; // peeked, not yet read
};

// Everything that is left, at most `limit` bytes, followed by `padding` zero bytes that
// are not part of `size`.
struct held_text {
  std::vector<char> bytes;
  std::size_t size = 0;
  std::string_view view() const noexcept { return {bytes.data(), size}; }
};
held_text read_whole(byte_source& source, std::size_t limit, std::size_t padding,
                     std::string_view advice);

} // namespace tinymlp::tools
