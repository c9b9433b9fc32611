// How a command ends early: the input or a check failed (exit 1), or it was called wrongly (exit
// 2).
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace tinymlp::tools {

inline constexpr int exit_success = 0;
inline constexpr int exit_failure = 1;
inline constexpr int exit_usage = 2;

inline std::string without_nul(std::string text) {
  std::replace(text.begin(), text.end(), '\0', '?');
  return text;
}

// The message names the file, where in it, and the reason; main() puts the program's name before
// it.
//
// what() ends at the first NUL, and messages repeat what stands in files: NULs become '?'.
struct failure : std::runtime_error {
  explicit failure(std::string text) : std::runtime_error(without_nul(std::move(text))) {}
};

// One that standard error has been told of.
struct told_failure : failure {
  using failure::failure;
};

struct usage_error : std::runtime_error {
  explicit usage_error(std::string text) : std::runtime_error(without_nul(std::move(text))) {}
};

// Nobody reads the output any more: the program ends without a word, as SIGPIPE would end it. No
// failure, so that nothing on the way up explains it.
struct reader_gone : std::runtime_error {
  reader_gone() : std::runtime_error("nobody reads the output") {}
};

template <class... Args> [[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) {
  throw failure(fmt::format(text, std::forward<Args>(args)...));
}

// What errno says, in words.
inline std::string system_message(int error_number) {
  return std::generic_category().message(error_number);
}

} // namespace tinymlp::tools
