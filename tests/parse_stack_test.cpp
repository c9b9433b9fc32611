// How much stack parsing takes, measured on a painted stack over every accepted form: with the plan
// at most 24 KiB on 64-bit targets. Optimised builds without sanitizers only: others take more.
#include "test_data.hpp"

#include <tinymlp/onnx.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <sstream>
#include <string>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define TINYMLP_TEST_SANITISED
#elif defined(__has_feature) // Clang's way to tell
#if __has_feature(address_sanitizer)
#define TINYMLP_TEST_SANITISED
#endif
#endif

#if defined(__linux__) && defined(__OPTIMIZE__) && !defined(TINYMLP_TEST_SANITISED)
#include <ucontext.h>

namespace {

using namespace tinymlp;

std::string file;
onnx::plan plan;
error refusal;
ucontext_t here, there;
std::vector<unsigned char> stack(std::size_t{256} * 1024);

void parse_file() { refusal = onnx::parse_into(plan, file); }

std::size_t stack_of_parsing() {
  std::fill(stack.begin(), stack.end(), static_cast<unsigned char>(0x5a));
  getcontext(&there);
  there.uc_stack.ss_sp = stack.data();
  there.uc_stack.ss_size = stack.size();
  there.uc_link = &here;
  makecontext(&there, parse_file, 0);
  swapcontext(&here, &there);
  const auto used = std::find_if(stack.begin(), stack.end(), [](auto b) { return b != 0x5a; });
  return static_cast<std::size_t>(stack.end() - used);
}

} // namespace

TEST_CASE("parsing takes little stack") {
  std::size_t most = 0, files = 0;
  for (const char* from : {"tests/data/forms.txt", "tests/data/accepted.txt"}) {
    std::istringstream lines(test_data::must_read(from));
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("onnx ")) continue;
      file = test_data::base64(line.substr(5));
      most = std::max(most, stack_of_parsing());
      ++files;
    }
  }
  MESSAGE("stack of parsing: ", most, " bytes, plan: ", sizeof(onnx::plan));
  CHECK(files > 400);
  CHECK(most > 4096); // it was measured
  CHECK(most + sizeof(onnx::plan) <= (sizeof(void*) == 8 ? 24 * 1024 : 18 * 1024));
}

#else
TEST_CASE("parsing takes little stack") { MESSAGE("not measured in this build"); }
#endif
