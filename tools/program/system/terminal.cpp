#include "system/terminal.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "system/failure.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): there is one thread
  return value == nullptr ? std::string_view{} : std::string_view{value};
}

} // namespace

bool wants_colour(int descriptor) {
  return ::isatty(descriptor) == 1 && environment("NO_COLOR").empty() &&
         environment("TERM") != "dumb";
}

int text_columns(int descriptor) {
  int columns = 80;
  struct winsize size {};
  const std::string_view variable = environment("COLUMNS");
  if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    columns = size.ws_col;
  else
    std::from_chars(variable.data(), variable.data() + variable.size(), columns);
  return std::clamp(columns, 40, 160);
}

std::string painter::paint(std::string_view code, std::string_view text) const {
  if (!enabled_) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

void write_error(const std::string& text) {
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr)); // unbuffered
}

void print_message(std::string_view kind, std::string_view text) {
  const std::string line =
      fmt::format("tinymlp: {}{}{}\n", kind, kind.empty() ? "" : ": ", printable(text, 2000));
  write_error(line);
}

std::string ask_password(std::string_view prompt) {
  const int terminal = ::open("/dev/tty", O_RDWR | O_CLOEXEC);
  struct termios shown {};
  if (terminal < 0 || ::tcgetattr(terminal, &shown) != 0) {
    if (terminal >= 0) ::close(terminal);
    fail("no terminal to ask for a password on");
  }
  struct termios hidden = shown;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  ::tcsetattr(terminal, TCSAFLUSH, &hidden);
  std::string text;
  bool ok = ::write(terminal, prompt.data(), prompt.size()) >= 0;
  for (char c = 0; ok && c != '\n';) {
    ok = ::read(terminal, &c, 1) == 1;
    if (ok && c != '\n') text += c;
  }
  ::tcsetattr(terminal, TCSAFLUSH, &shown);
  ok = ::write(terminal, "\n", 1) >= 0 && ok;
  ::close(terminal);
  if (!ok) fail("no password was typed");
  return text;
}

progress::progress()
    : enabled_(::isatty(STDERR_FILENO) == 1), start_(clock::now()),
      next_(start_ + std::chrono::milliseconds(300)) {}

void progress::update(std::uint64_t rows, std::uint64_t bytes,
                      std::optional<std::uint64_t> total_bytes) {
  if (!enabled_) return;
  const clock::time_point now = clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(100);
  const double seconds = std::chrono::duration<double>(now - start_).count();
  std::string line = fmt::format("\r\x1b[K{} rows, {:.2g} million rows/s", rows,
                                 static_cast<double>(rows) / seconds / 1e6);
  if (total_bytes && *total_bytes > 0)
    line += fmt::format(", {:.0f} %",
                        100.0 * static_cast<double>(bytes) / static_cast<double>(*total_bytes));
  write_error(line);
  shown_ = true;
}

void progress::clear() {
  if (shown_) write_error("\r\x1b[K");
  shown_ = false;
}

} // namespace tinymlp::tools
