// How much stack a function takes, on one of its own that was painted before. Of optimised builds
// without sanitizers: others take more, and say nothing (TINYMLP_TEST_MEASURES_STACK is not
// defined).
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define TINYMLP_TEST_SANITISED
#elif defined(__has_feature) // Clang's way to tell
#if __has_feature(address_sanitizer)
#define TINYMLP_TEST_SANITISED
#endif
#endif

#if defined(__linux__) && defined(__OPTIMIZE__) && !defined(TINYMLP_TEST_SANITISED)
#define TINYMLP_TEST_MEASURES_STACK

#include <algorithm>
#include <cstddef>
#include <vector>

#include <ucontext.h>

namespace painted_stack {

// Bytes.
inline std::size_t taken_by(void (*function)()) {
  static std::vector<unsigned char> stack(std::size_t{256} * 1024);
  static ucontext_t here, there;
  std::fill(stack.begin(), stack.end(), static_cast<unsigned char>(0x5a));
  getcontext(&there);
  there.uc_stack.ss_sp = stack.data();
  there.uc_stack.ss_size = stack.size();
  there.uc_link = &here;
  makecontext(&there, function, 0);
  swapcontext(&here, &there);
  const auto used = std::find_if(stack.begin(), stack.end(), [](auto b) { return b != 0x5a; });
  return static_cast<std::size_t>(stack.end() - used);
}

// What parsing may take, with the plan.
constexpr std::size_t most_of_parsing = std::size_t{sizeof(void*) == 8 ? 24 : 18} * 1024;

} // namespace painted_stack
#endif
