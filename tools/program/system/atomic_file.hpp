// Output that appears whole or not at all.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tinymlp::tools {

// Buffered output to a file or to standard output.
//
// A regular file is written without a name (O_TMPFILE), or to a temporary beside it where the
// system cannot do that, and takes its name on commit(). Without commit(), also when the program is
// ended by a signal, nothing is left behind (an unnamed file not even by SIGKILL), and an existing
// file stays as it was. A file that is replaced keeps its mode, less set-id bits, and its owner
// where the system lets us; a symbolic link keeps pointing where it points. Devices and pipes, and
// standard output, are written straight away. Every call throws failure when the system refuses,
// reader_gone when nobody reads the pipe any more.
class atomic_file {
public:
  // An empty path or "-" is standard output.
  explicit atomic_file(const std::string& path) : atomic_file() { open(path); }
  atomic_file(const atomic_file&) = delete;
  atomic_file& operator=(const atomic_file&) = delete;
  ~atomic_file();

  void write(std::string_view text);
  // Hands the buffer to the system, so that a reader of a pipe sees it now.
  void flush();
  // finish(), then publish().
  void commit();
  // Writes all of it to the disk, not yet under its name.
  void finish();
  // Takes the name.
  void publish();
  // Whether bytes went where discarding cannot reach them: to standard output, a pipe or a device.
  bool has_escaped() const noexcept { return escaped_; }

private:
  atomic_file() = default; // so that what open() leaves half done is cleared away
  void open(const std::string& path);
  void open_replacement();
  bool open_unnamed();
  void open_temporary();
  [[noreturn]] void refuse(std::string_view what, int error_number) const;
  void close_descriptor();
  void forget_temporary() noexcept;
  void discard() noexcept;

  std::string name_;      // for messages
  std::string target_;    // whose name it takes; empty when written directly
  std::string temporary_; // empty while it has no name
  int descriptor_ = -1;
  bool escaped_ = false;
  bool owned_ = false; // close on destruction
  std::string buffer_;
};

// The text, to standard output. Throws as atomic_file does.
void print(const std::string& text);

// Writes files (path, text) that belong together: all are on the disk before the first takes its
// name, and a signal that ends the program waits until the last has its own. Throws failure with
// every file as it was, unless the system refuses a name at the very end.
void write_together(const std::vector<std::pair<std::string, std::string>>& files);

// Throws usage_error where output to that path would go into a regular file that is read from: one
// of `inputs`, by whatever name. `option` is what messages call the output. "-" (for the output
// also "") is standard input or output; an empty input is none.
void refuse_overwriting(std::string_view option, const std::string& output,
                        std::span<const std::string> inputs);
// The same of a command with --output and, where it is not empty, --plot, which must be two files.
void refuse_overwriting_by(const std::string& output, const std::string& plot,
                           std::span<const std::string> inputs);

// Whether both paths name the same existing file; "-" is standard input.
bool same_file(const std::string& a, const std::string& b) noexcept;
// Whether output to both paths would end up in one file, which need not exist yet.
bool same_target(const std::string& a, const std::string& b);

} // namespace tinymlp::tools
