// Output that appears whole or not at all.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tinymlp::tools {

// Buffered output to a file or to standard output.
//
// A regular file is written to a temporary beside it and takes its name on commit(); without
// commit(), also when the program is interrupted, the temporary is removed and an existing file
// stays as it was. A symbolic link keeps pointing where it points. Devices and pipes, and
// standard output, are written straight away. Every call throws failure when the system refuses.
class atomic_file {
public:
  // An empty path or "-" is standard output.
  explicit atomic_file(const std::string& path);
  atomic_file(const atomic_file&) = delete;
  atomic_file& operator=(const atomic_file&) = delete;
  ~atomic_file();

  void write(std::string_view text);
  // Hands the buffer to the system, so that a reader of a pipe sees it now.
  void flush();
  // finish(), then publish().
  void commit();
  // Writes all of it to the disk, under the temporary's name.
  void finish();
  // Takes the name.
  void publish();
  // Whether bytes went where discarding cannot reach them: to standard output, a pipe or a device.
  bool has_escaped() const noexcept { return escaped_; }

private:
  void open_temporary(const std::string& path);
  [[noreturn]] void refuse(std::string_view what, int error_number) const;
  void discard() noexcept;

  std::string name_;   // for messages
  std::string target_; // renamed to on commit; empty when written directly
  std::string temporary_;
  int descriptor_ = -1;
  bool escaped_ = false;
  bool owned_ = false; // close on destruction
  int cleanup_slot_ = -1;
  std::string buffer_;
};

// Writes files (path, text) that belong together: all are on the disk before the first takes its
// name, and a signal that ends the program waits until the last has its own. Throws failure with
// every file as it was, unless the system refuses a name at the very end.
void write_together(const std::vector<std::pair<std::string, std::string>>& files);

// Whether both paths name the same existing file.
bool same_file(const std::string& a, const std::string& b) noexcept;
// Whether output to both paths would end up in one file, which need not exist yet.
bool same_target(const std::string& a, const std::string& b);

} // namespace tinymlp::tools
