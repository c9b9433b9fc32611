#include "system/atomic_file.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <deque>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/failure.hpp"

namespace tinymlp::tools {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t buffer_bytes = std::size_t{1} << 16;

// Temporaries to remove when a signal ends the program. Plain memory: a signal handler may not
// allocate or lock.
struct cleanup_entry {
  std::atomic<bool> used{false};
  std::array<char, 4096> path{};
};
std::array<cleanup_entry, 16> cleanup_entries;
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void remove_temporaries_and_die(int signal_number) {
  for (const cleanup_entry& entry : cleanup_entries)
    if (entry.used.load(std::memory_order_acquire)) ::unlink(entry.path.data());
  static_cast<void>(std::signal(signal_number, SIG_DFL));
  static_cast<void>(std::raise(signal_number));
}

void install_cleanup_handlers() {
  static const bool installed = [] {
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
      struct sigaction current {};
      // A signal that the parent chose to ignore (nohup) stays ignored.
      if (::sigaction(number, nullptr, &current) == 0 && current.sa_handler == SIG_IGN) continue;
      static_cast<void>(std::signal(number, remove_temporaries_and_die));
    }
    return true;
  }();
  static_cast<void>(installed);
}

// Holds the signals that end the program back while it lives, so that none comes between a file's
// creation and its entry in the list.
class signals_held {
public:
  signals_held() {
    install_cleanup_handlers();
    sigset_t held;
    sigemptyset(&held);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&held, number);
    ::pthread_sigmask(SIG_BLOCK, &held, &before_);
  }
  ~signals_held() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  signals_held(const signals_held&) = delete;
  signals_held& operator=(const signals_held&) = delete;

private:
  sigset_t before_{};
};

int register_cleanup(const std::string& path) {
  for (std::size_t i = 0; i < cleanup_entries.size(); ++i) {
    cleanup_entry& entry = cleanup_entries[i];
    if (entry.used.load() || path.size() >= entry.path.size()) continue;
    std::memcpy(entry.path.data(), path.c_str(), path.size() + 1);
    entry.used.store(true, std::memory_order_release);
    return static_cast<int>(i);
  }
  return -1;
}

mode_t default_mode() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

// Where the bytes finally go: through symbolic links, also one to a file yet to be made, to a name
// in an existing folder.
std::string resolve_target(const std::string& path) {
  std::error_code ignored;
  fs::path target = path;
  for (int links = 0; links < 40 && fs::is_symlink(target, ignored); ++links)
    target = target.parent_path() / fs::read_symlink(target, ignored);
  const fs::path resolved = fs::weakly_canonical(target, ignored);
  return ignored ? path : resolved.string();
}

} // namespace

atomic_file::atomic_file(const std::string& path) {
  buffer_.reserve(buffer_bytes);
  if (path.empty() || path == "-") {
    name_ = "standard output";
    descriptor_ = STDOUT_FILENO;
    return;
  }
  name_ = path;
  struct stat status {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) fail("{}: cannot write: is a folder", name_);
  if (exists && !S_ISREG(status.st_mode)) {
    descriptor_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor_ < 0) refuse("cannot open for writing", errno);
    owned_ = true;
    return;
  }
  if (exists && ::access(path.c_str(), W_OK) != 0) refuse("cannot write", errno);
  open_temporary(path);
  ::fchmod(descriptor_, exists ? status.st_mode & 07777 : default_mode());
}

atomic_file::~atomic_file() { discard(); }

void atomic_file::open_temporary(const std::string& path) {
  target_ = resolve_target(path);
  temporary_ = (fs::path(target_).parent_path() / ".tinymlp-XXXXXX").string();
  const signals_held until_registered;
  descriptor_ = ::mkstemp(temporary_.data());
  if (descriptor_ < 0) {
    const int error_number = errno;
    temporary_.clear();
    refuse("cannot create a temporary file in its folder", error_number);
  }
  owned_ = true;
  cleanup_slot_ = register_cleanup(temporary_);
}

void atomic_file::write(std::string_view text) {
  buffer_.append(text);
  if (buffer_.size() >= buffer_bytes) flush();
}

void atomic_file::flush() {
  std::string_view left = buffer_;
  while (!left.empty()) {
    const ssize_t written = ::write(descriptor_, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) refuse("cannot write", errno);
    left.remove_prefix(static_cast<std::size_t>(written));
    escaped_ = escaped_ || temporary_.empty();
  }
  buffer_.clear();
}

void atomic_file::commit() {
  finish();
  publish();
}

void atomic_file::finish() {
  flush();
  if (!owned_) return;
  // The data must be on disk before the name points at it, or a crash could leave an empty file.
  if (!temporary_.empty() && ::fsync(descriptor_) != 0 && errno != EINVAL)
    refuse("cannot write", errno);
  owned_ = false;
  if (::close(descriptor_) != 0) refuse("cannot write", errno);
}

void atomic_file::publish() {
  if (temporary_.empty()) return;
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) refuse("cannot replace", errno);
  temporary_.clear();
  if (cleanup_slot_ >= 0) cleanup_entries[static_cast<std::size_t>(cleanup_slot_)].used = false;
  cleanup_slot_ = -1;
}

void atomic_file::refuse(std::string_view what, int error_number) const {
  fail("{}: {}: {}", name_, what, system_message(error_number));
}

void atomic_file::discard() noexcept {
  if (owned_) ::close(descriptor_);
  owned_ = false;
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  if (cleanup_slot_ >= 0) cleanup_entries[static_cast<std::size_t>(cleanup_slot_)].used = false;
}

void write_together(const std::vector<std::pair<std::string, std::string>>& files) {
  std::deque<atomic_file> out;
  for (const auto& [path, text] : files) {
    out.emplace_back(path).write(text);
    out.back().finish();
  }
  const signals_held until_all_have_their_names;
  for (atomic_file& file : out) file.publish();
}

bool same_file(const std::string& a, const std::string& b) noexcept {
  std::error_code ignored;
  return fs::equivalent(a, b, ignored) && !ignored;
}

bool same_target(const std::string& a, const std::string& b) {
  const auto target = [](const std::string& path) {
    return resolve_target(fs::absolute(path).string());
  };
  return same_file(a, b) || target(a) == target(b);
}

} // namespace tinymlp::tools
