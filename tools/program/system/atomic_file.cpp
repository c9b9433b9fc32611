#include "system/atomic_file.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
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
constexpr int most_links = 40; // as many as Linux follows

// Holds all signals back while it lives, so that none comes between a name on the disk and its
// entry in the list below.
class signals_held {
public:
  signals_held() {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~signals_held() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  signals_held(const signals_held&) = delete;
  signals_held& operator=(const signals_held&) = delete;

private:
  sigset_t before_{};
};

// Temporaries that have a name, to be removed when a signal ends the program. Changed only while
// signals are held back, and read by the handler: a list that it can walk without allocating or
// locking.
struct named_temporary {
  const char* path;
  const void* owner;
  named_temporary* next;
};
named_temporary* named_temporaries = nullptr;

// The signals that end a program and can be caught, but for those of its own faults.
constexpr std::array ending_signals{SIGHUP,  SIGINT,  SIGQUIT,   SIGTERM, SIGUSR1, SIGUSR2,
                                    SIGALRM, SIGPROF, SIGVTALRM, SIGXCPU, SIGXFSZ, SIGPIPE};

extern "C" void remove_temporaries_and_die(int signal_number) {
  for (const named_temporary* each = named_temporaries; each != nullptr; each = each->next)
    ::unlink(each->path);
  static_cast<void>(std::signal(signal_number, SIG_DFL));
  static_cast<void>(std::raise(signal_number));
}

void install_cleanup_handlers() {
  static const bool installed = [] {
    for (const int number : ending_signals) {
      struct sigaction current {};
      // One that is ignored (nohup) stays ignored, one that is handled stays so.
      if (::sigaction(number, nullptr, &current) == 0 && current.sa_handler == SIG_DFL)
        static_cast<void>(std::signal(number, remove_temporaries_and_die));
    }
    return true;
  }();
  static_cast<void>(installed);
}

void remember(const char* path, const void* owner) {
  install_cleanup_handlers();
  named_temporaries = new named_temporary{path, owner, named_temporaries};
}

void forget(const void* owner) noexcept {
  for (named_temporary** at = &named_temporaries; *at != nullptr; at = &(*at)->next)
    if ((*at)->owner == owner) {
      const named_temporary* found = *at;
      *at = found->next;
      delete found;
      return;
    }
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
  for (int links = 0; links < most_links && fs::is_symlink(target, ignored); ++links)
    target = target.parent_path() / fs::read_symlink(target, ignored);
  const fs::path resolved = fs::weakly_canonical(target, ignored);
  return ignored ? path : resolved.string();
}

std::string folder_part(const std::string& path) {
  const std::string parent = fs::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

// A name that no file has yet.
std::string temporary_name(const std::string& target) {
  return (fs::path(target).parent_path() / ".tinymlp-XXXXXX").string();
}

// A path through which an open file without a name can be linked.
std::string path_of_descriptor(int descriptor) {
  return fmt::format("/proc/self/fd/{}", descriptor);
}

struct file_identity {
  dev_t device = 0;
  ino_t number = 0;
  bool is_regular = false;
  bool exists = false;
};

file_identity identity_of(const struct stat& status) {
  return {status.st_dev, status.st_ino, S_ISREG(status.st_mode), true};
}

// Allocates nothing.
file_identity identity_of(const std::string& path, int dash) noexcept {
  struct stat status {};
  const int code = path == "-" ? ::fstat(dash, &status) : ::stat(path.c_str(), &status);
  return code == 0 ? identity_of(status) : file_identity{};
}

bool is_same(const file_identity& a, const file_identity& b) noexcept {
  return a.exists && b.exists && a.device == b.device && a.number == b.number;
}

} // namespace

void atomic_file::open(const std::string& path) {
  buffer_.reserve(buffer_bytes);
  if (path.empty() || path == "-") {
    name_ = "standard output";
    descriptor_ = STDOUT_FILENO;
    return;
  }
  name_ = path;
  struct stat status {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (!exists && errno == ELOOP) refuse("cannot write", ELOOP);
  if (exists && S_ISDIR(status.st_mode)) fail("{}: cannot write: is a folder", name_);
  if (exists && !S_ISREG(status.st_mode)) {
    descriptor_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor_ < 0) refuse("cannot open for writing", errno);
    owned_ = true;
    return;
  }
  if (exists && ::access(path.c_str(), W_OK) != 0) refuse("cannot write", errno);
  target_ = resolve_target(path);
  open_replacement();
  // Before the mode: changing the owner takes set-id bits away, and may not be allowed to us.
  if (exists && ::fchown(descriptor_, status.st_uid, status.st_gid) != 0)
    static_cast<void>(!::fchown(descriptor_, static_cast<uid_t>(-1), status.st_gid));
  ::fchmod(descriptor_, exists ? status.st_mode & 0777 : default_mode());
}

atomic_file::~atomic_file() { discard(); }

void atomic_file::open_replacement() {
  if (!open_unnamed()) open_temporary();
  owned_ = true;
}

// Not on every file system, and of use only where it can be given a name later.
bool atomic_file::open_unnamed() {
#ifdef O_TMPFILE
  descriptor_ = ::open(folder_part(target_).c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (descriptor_ < 0) return false;
  if (::access(path_of_descriptor(descriptor_).c_str(), F_OK) == 0) return true;
  ::close(descriptor_);
  descriptor_ = -1;
#endif
  return false;
}

void atomic_file::open_temporary() {
  std::string name = temporary_name(target_);
  const signals_held until_remembered;
  descriptor_ = ::mkstemp(name.data());
  if (descriptor_ < 0) refuse("cannot create a temporary file in its folder", errno);
  ::fcntl(descriptor_, F_SETFD, FD_CLOEXEC);
  temporary_ = std::move(name);
  remember(temporary_.c_str(), this);
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
    if (written < 0 && errno == EPIPE) throw reader_gone();
    if (written < 0) refuse("cannot write", errno);
    left.remove_prefix(static_cast<std::size_t>(written));
    escaped_ = escaped_ || target_.empty();
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
  if (!target_.empty() && ::fsync(descriptor_) != 0 && errno != EINVAL)
    refuse("cannot write", errno);
  const bool is_unnamed = !target_.empty() && temporary_.empty();
  if (!is_unnamed) close_descriptor(); // else it would be gone
}

void atomic_file::publish() {
  if (target_.empty()) return;
  const signals_held until_it_has_its_name;
  if (temporary_.empty()) {
    // Linking replaces nothing: a file that is there takes a name on the way, for a moment.
    const std::string from = path_of_descriptor(descriptor_);
    const auto link_as = [&](const std::string& name) {
      return ::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0;
    };
    bool linked = link_as(target_);
    for (int tries = 0; !linked && errno == EEXIST && tries < 100; ++tries) {
      temporary_ = fmt::format("{}/.tinymlp-{}-{}", folder_part(target_), ::getpid(), tries);
      linked = link_as(temporary_);
    }
    if (!linked) {
      const int error_number = errno;
      temporary_.clear();
      refuse("cannot give it its name", error_number);
    }
    close_descriptor();
  }
  if (!temporary_.empty() && ::rename(temporary_.c_str(), target_.c_str()) != 0)
    refuse("cannot replace", errno);
  forget(this);
  temporary_.clear();
  target_.clear();
}

void atomic_file::close_descriptor() {
  owned_ = false;
  if (::close(descriptor_) != 0) refuse("cannot write", errno);
}

void atomic_file::refuse(std::string_view what, int error_number) const {
  fail("{}: {}: {}", name_, what, system_message(error_number));
}

void atomic_file::discard() noexcept {
  const signals_held until_forgotten;
  if (owned_) ::close(descriptor_);
  owned_ = false;
  if (temporary_.empty()) return;
  ::unlink(temporary_.c_str());
  forget(this);
}

void print(const std::string& text) {
  atomic_file out("-");
  out.write(text);
  out.commit();
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

void refuse_overwriting(std::string_view option, const std::string& output,
                        std::span<const std::string> inputs) {
  const bool to_stdout = output.empty() || output == "-";
  const file_identity to = identity_of(to_stdout ? "-" : output, STDOUT_FILENO);
  if (!to.is_regular) return;
  for (const std::string& input : inputs)
    if (!input.empty() && is_same(identity_of(input, STDIN_FILENO), to))
      throw usage_error(fmt::format("{} would overwrite {}", to_stdout ? "standard output" : option,
                                    input == "-" ? "standard input" : input));
}

void refuse_overwriting_by(const std::string& output, const std::string& plot,
                           std::span<const std::string> inputs) {
  refuse_overwriting("--output", output, inputs);
  if (plot.empty()) return;
  refuse_overwriting("--plot", plot, inputs);
  const bool to_stdout = output.empty() || output == "-";
  const bool same = to_stdout ? is_same(identity_of("-", STDOUT_FILENO), identity_of(plot, -1))
                              : same_target(output, plot);
  if (same) throw usage_error("--output and --plot are the same file");
}

bool same_file(const std::string& a, const std::string& b) noexcept {
  return is_same(identity_of(a, STDIN_FILENO), identity_of(b, STDIN_FILENO));
}

bool same_target(const std::string& a, const std::string& b) {
  const auto target = [](const std::string& path) {
    return resolve_target(fs::absolute(path).string());
  };
  return same_file(a, b) || target(a) == target(b);
}

} // namespace tinymlp::tools
