#include "system/processor_limit.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <string>

#include <sys/time.h>
#include <unistd.h>

#include "system/failure.hpp"

namespace tinymlp::tools {

namespace {

// Plain memory: a signal handler may not allocate.
std::array<char, 512> last_words{};
std::size_t last_words_size = 0;

extern "C" void tell_and_end(int) {
  static_cast<void>(!::write(STDERR_FILENO, last_words.data(), last_words_size));
  ::_exit(exit_usage);
}

void set_timer(int seconds) {
  itimerval value{};
  value.it_value.tv_sec = seconds;
  ::setitimer(ITIMER_PROF, &value, nullptr);
}

} // namespace

processor_limit::processor_limit(int seconds, std::string_view message) {
  const std::string text = fmt::format("tinymlp: {}\n", message.substr(0, 400));
  std::copy(text.begin(), text.end(), last_words.begin());
  last_words_size = text.size();
  static_cast<void>(std::signal(SIGPROF, tell_and_end));
  set_timer(seconds);
}

processor_limit::~processor_limit() {
  set_timer(0);
  static_cast<void>(std::signal(SIGPROF, SIG_DFL));
}

} // namespace tinymlp::tools
