// The system calls that the program's rooms make, answered by JavaScript: files by name in one
// folder, read forwards (system_calls.h has their names).
#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host.hpp"
#include "system/atomic_file.hpp"
#include "system/terminal.hpp"
#include "system/text.hpp"

namespace {

constexpr int folder_descriptor = 3, first_file = 4; // behind standard input, output and error

int open_file(const char* name) {
  const std::int32_t file = host_open(name, std::strlen(name));
  if (file >= 0) return first_file + file;
  errno = ENOENT;
  return -1;
}

} // namespace

extern "C" {

int web_open(const char* path, int flags, ...) {
  return (flags & O_DIRECTORY) != 0 ? folder_descriptor : open_file(path);
}
int web_openat(int, const char* path, int, ...) { return open_file(path); }
int web_close(int) { return 0; }
ssize_t web_readlinkat(int, const char*, char*, size_t) { return -1; }

int web_fstat(int descriptor, struct stat* to) {
  *to = {};
  const double size = descriptor < first_file ? -1 : host_size(descriptor - first_file);
  to->st_mode = descriptor == folder_descriptor ? S_IFDIR : size >= 0 ? S_IFREG : S_IFIFO;
  to->st_size = size >= 0 ? static_cast<off_t>(size) : 0;
  return 0;
}

ssize_t web_read(int descriptor, void* to, size_t size) {
  return static_cast<ssize_t>(host_read(descriptor - first_file, static_cast<char*>(to), size));
}

int web_poll(struct pollfd*, nfds_t, int) { return 1; } // read() waits as long as it takes
}

namespace tinymlp::tools {

void atomic_file::open(const std::string&) {}
atomic_file::~atomic_file() = default;
void atomic_file::write(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= std::size_t{1} << 16) flush();
}
void atomic_file::flush() {
  host_write(buffer_.data(), buffer_.size());
  buffer_.clear();
}

void print_message(std::string_view kind, std::string_view text) {
  const std::string shown = printable(text, 2000); // as the program shows it
  host_message(kind.data(), kind.size(), shown.data(), shown.size());
}

progress::progress() : enabled_(true) {}
void progress::update(std::uint64_t rows, std::uint64_t bytes, std::optional<std::uint64_t>) {
  host_progress(static_cast<double>(rows), static_cast<double>(bytes));
}
void progress::clear() {}

} // namespace tinymlp::tools
