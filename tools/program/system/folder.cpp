#include "system/folder.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <deque>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/failure.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

constexpr int most_links = 16;

std::deque<std::string> split(std::string_view path) {
  std::deque<std::string> parts;
  for (;;) {
    const std::size_t slash = path.find('/');
    parts.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

std::string link_target(int folder, const std::string& name) {
  std::array<char, PATH_MAX> target{};
  const ssize_t length = ::readlinkat(folder, name.c_str(), target.data(), target.size());
  return length > 0 ? std::string(target.data(), static_cast<std::size_t>(length)) : std::string();
}

struct file_status {
  bool is_folder = false, is_regular = false;
  std::size_t size = 0;
};

file_status status_of(const descriptor& file) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return {};
  return {S_ISDIR(status.st_mode), S_ISREG(status.st_mode),
          static_cast<std::size_t>(status.st_size)};
}

} // namespace

descriptor::descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
descriptor& descriptor::operator=(descriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}
descriptor::~descriptor() {
  if (number_ >= 0) ::close(number_);
}

std::optional<std::string_view> path_objection(std::string_view path) {
  if (path.empty()) return "is empty";
  if (path.find('\0') != std::string_view::npos) return "holds a NUL byte";
  if (path.front() == '/') return "is an absolute path";
  for (const std::string& part : split(path)) {
    if (part == "..") return "holds '..'";
    if (part.empty() || part == ".") return "holds an empty part or '.'";
  }
  return std::nullopt;
}

std::string folder_of(const std::string& path) {
  return path.substr(0, path.find_last_of('/') + 1); // npos + 1 is 0
}

folder::folder(const std::string& path)
    : path_(path.empty() ? "." : path),
      root_(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (!root_.valid()) fail("{}: cannot open the folder: {}", path_, system_message(errno));
}

std::string folder::name_of(std::string_view relative) const {
  if (path_ == ".") return std::string(relative);
  return fmt::format("{}{}{}", path_, path_.ends_with('/') ? "" : "/", relative);
}

descriptor folder::open(const std::string& relative) const {
  const auto refuse = [&](std::string_view why) {
    fail("{}: {}; only files inside the folder are read", name_of(relative), why);
  };
  if (const auto objection = path_objection(relative))
    refuse(fmt::format("the path {}", *objection));
  std::deque<std::string> parts = split(relative);
  std::vector<descriptor> above; // the folders between the root and where we stand
  int links = 0;
  while (!parts.empty()) {
    const std::string part = parts.front();
    parts.pop_front();
    if (part.empty() || part == ".") continue; // only in the target of a link, as are '..'
    if (part == "..") {
      if (above.empty()) refuse("a symbolic link leads out of the folder");
      above.pop_back();
      continue;
    }
    const int here = above.empty() ? root_.get() : above.back().get();
    descriptor next(
        ::openat(here, part.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    if (next.valid()) {
      if (parts.empty()) return next;
      above.push_back(std::move(next)); // a file in the middle fails the next openat: ENOTDIR
      continue;
    }
    if (errno != ELOOP && errno != EMLINK) return next;
    const std::string target = link_target(here, part);
    if (target.starts_with('/')) refuse("a symbolic link has an absolute target");
    if (target.empty() || ++links > most_links) refuse("a symbolic link cannot be followed");
    const std::deque<std::string> steps = split(target);
    parts.insert(parts.begin(), steps.begin(), steps.end());
  }
  errno = EISDIR; // a link to a folder
  return descriptor();
}

std::vector<char> folder::read(const std::string& relative, std::size_t limit) const {
  const std::string name = name_of(relative);
  const descriptor file = open(relative);
  if (!file.valid()) fail("{}: cannot open: {}", name, system_message(errno));
  const file_status status = status_of(file);
  if (!status.is_regular) fail("{}: is not a regular file", name);
  std::vector<char> bytes(std::min(status.size, limit) + 1); // one more, to see the end
  std::size_t filled = 0;
  for (;;) {
    if (filled > limit) fail("{}: larger than {}", name, size_text(limit));
    if (filled == bytes.size()) bytes.resize(bytes.size() * 2);
    const ssize_t got = ::read(file.get(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("{}: cannot read: {}", name, system_message(errno));
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

bool folder::has(const std::string& relative) const {
  const descriptor file = open(relative);
  return file.valid() && status_of(file).is_regular;
}

} // namespace tinymlp::tools
