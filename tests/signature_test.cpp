// The signature in the README is that of every instruction set here.
#include <doctest/doctest.h>

#include "../tools/program/models/engine_signature.hpp"

#include <cmath>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>

namespace {

std::uint64_t signature_in_readme() {
  std::ifstream in("README.md");
  std::stringstream text;
  text << in.rdbuf();
  const std::string readme = text.str();
  std::smatch match;
  REQUIRE(std::regex_search(readme, match, std::regex("signature: `([0-9a-f]{16})`")));
  return std::stoull(match[1].str(), nullptr, 16);
}

} // namespace

TEST_CASE("every instruction set has the signature that the README tells") {
  const std::uint64_t expected = signature_in_readme();
  for (const tinymlp::isa which : tinymlp::supported()) {
    CAPTURE(std::string(name(which)));
    CHECK(tinymlp::tools::signature(which) == expected);
  }
}

TEST_CASE("the signature covers rows that are finite and rows that are not") {
  tinymlp::tools::signature_rows source;
  std::size_t finite = 0, other = 0;
  for (std::size_t r = 0; r < tinymlp::tools::signature_rows::count; ++r) {
    bool is_finite = true;
    for (const float value : source.next()) is_finite = is_finite && std::isfinite(value);
    ++(is_finite ? finite : other);
  }
  CHECK(finite > 4096);
  CHECK(other == 3 * 7);
}
