// A file that someone else still writes, read as `tail -F` reads one.
#pragma once

#include <stdexcept>
#include <string>

#include "system/byte_source.hpp"

namespace tinymlp::tools {

// Where reading such a file ends without an end of its contents. No failure, so that nothing on the
// way up explains it.
struct growth_ended : std::runtime_error {
  enum class reason { signal, replaced, truncated };
  growth_ended(reason what, const char* text) : std::runtime_error(text), why(what) {}
  reason why;
};

// Waits behind the last byte for more. Its calls throw growth_ended where a signal came
// (system/interrupts.hpp), another file has taken the name and this one was read to its end, or the
// file has become shorter than what was read of it. (One that was emptied and has grown beyond that
// place between two looks cannot be told from one that grew.)
class growing_file final : public follower {
public:
  // Throws usage_error for what is there and no regular file.
  explicit growing_file(const std::string& path);

  bool must_wait(int descriptor) override;
  void wait(int descriptor) override;

  // Until there is a file of that name, as there is none for a moment while logs are rotated; false
  // where a signal came first.
  bool wait_for_file() const;

private:
  std::string path_;
};

} // namespace tinymlp::tools
