#include "system/growing_file.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/failure.hpp"
#include "system/interrupts.hpp"

namespace tinymlp::tools {

namespace {

constexpr int between_looks_ms = 50;

// A sleep ends where a signal comes.
void rest() { ::poll(nullptr, 0, between_looks_ms); }

// Bytes of the file that have not been read; negative where it has become shorter.
off_t unread(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return 0;
  return status.st_size - ::lseek(descriptor, 0, SEEK_CUR);
}

bool has_another_file(const std::string& path, int descriptor) {
  struct stat named {
  }, open{};
  return ::stat(path.c_str(), &named) == 0 && ::fstat(descriptor, &open) == 0 &&
         (named.st_dev != open.st_dev || named.st_ino != open.st_ino);
}

} // namespace

growing_file::growing_file(const std::string& path) : path_(path) {
  struct stat status {};
  if (path == "-" || (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)))
    throw usage_error(
        "--follow: " + (path == "-" ? "standard input" : path) +
        ": is no regular file; pipes and devices are read as they come without --follow");
}

bool growing_file::must_wait(int descriptor) {
  return interrupts::pending() != 0 || unread(descriptor) <= 0;
}

void growing_file::wait(int descriptor) {
  for (;;) {
    if (interrupts::pending() != 0)
      throw growth_ended(growth_ended::reason::signal, "a signal came");
    // Asked before the size: what was written before the name went is read first.
    const bool replaced = has_another_file(path_, descriptor);
    const off_t more = unread(descriptor);
    if (more < 0) throw growth_ended(growth_ended::reason::truncated, "became shorter");
    if (more > 0) return;
    if (replaced) throw growth_ended(growth_ended::reason::replaced, "was replaced");
    rest();
  }
}

bool growing_file::wait_for_file() const {
  while (::access(path_.c_str(), F_OK) != 0) {
    if (interrupts::pending() != 0) return false;
    rest();
  }
  return true;
}

} // namespace tinymlp::tools
