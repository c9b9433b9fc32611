// How much stack parsing takes, measured on a painted stack over every accepted form: with the plan
// at most 24 KiB on 64-bit targets. Optimised builds without sanitizers only: others take more.
#include "painted_stack.hpp"
#include "test_data.hpp"

#include <tinymlp/onnx.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <string>

#if defined(TINYMLP_TEST_MEASURES_STACK)

namespace {

using namespace tinymlp;

std::string file;
onnx::plan plan;
error refusal;

void parse_file() { refusal = onnx::parse_into(plan, file); }

} // namespace

TEST_CASE("parsing takes little stack") {
  std::size_t most = 0;
  for (const std::string& each : test_data::accepted_files()) {
    file = each;
    most = std::max(most, painted_stack::taken_by(parse_file));
  }
  MESSAGE("stack of parsing: ", most, " bytes, plan: ", sizeof(onnx::plan));
  CHECK(most > 4096); // it was measured
  CHECK(most + sizeof(onnx::plan) <= painted_stack::most_of_parsing);
}

#else
TEST_CASE("parsing takes little stack") { MESSAGE("not measured in this build"); }
#endif
