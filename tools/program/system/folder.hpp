// A folder whose files are read by relative path, never from outside it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tinymlp::tools {

// An open file or folder, closed at the end.
class descriptor {
public:
  explicit descriptor(int number = -1) noexcept : number_(number) {}
  descriptor(descriptor&& other) noexcept;
  descriptor& operator=(descriptor&& other) noexcept;
  ~descriptor();
  int get() const noexcept { return number_; }
  bool valid() const noexcept { return number_ >= 0; }

private:
  int number_;
};

// Why a relative path is refused before anything is opened: "is an absolute path", "holds '..'",
// ... Nothing if it may be tried.
std::optional<std::string_view> path_objection(std::string_view path);

// "a/b/c" -> "a/b/", "c" -> "".
std::string folder_of(const std::string& path);

class folder {
public:
  // "" is the working directory. Throws failure where there is no such folder.
  explicit folder(const std::string& path);

  const std::string& path() const noexcept { return path_; }
  // The file's path as messages show it.
  std::string name_of(std::string_view relative) const;

  // A regular file, whole, of at most `limit` bytes. Throws failure, naming the file: for a path
  // with an objection, for a symbolic link that is absolute or leads out of the folder (others are
  // followed), and for what cannot be read. Each step is taken from an open folder, so that nothing
  // swapped meanwhile leads out.
  std::vector<char> read(const std::string& relative, std::size_t limit) const;

  // Whether read() would find a regular file. Throws as read() does for what leads outside.
  bool has(const std::string& relative) const;

  // For locking.
  int descriptor_number() const noexcept { return root_.get(); }

private:
  // Invalid, with errno set, where there is no such file.
  descriptor open(const std::string& relative) const;

  std::string path_;
  descriptor root_;
};

} // namespace tinymlp::tools
