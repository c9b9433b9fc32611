// What tests read and compare: files, numbers as text, scores bit by bit, on every instruction set.
#pragma once

#include <tinymlp/error.hpp>
#include <tinymlp/isa.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace test_data {

// A whole file, or nothing where it cannot be read. Tests run in the project's root.
inline std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}
inline std::string must_read(const std::string& path) {
  CAPTURE(path);
  const std::optional<std::string> content = read_file(path);
  REQUIRE(content.has_value());
  return *content;
}

// Same bits; any NaN equals any NaN.
inline bool same(float a, float b) {
  if (std::isnan(a) && std::isnan(b)) return true;
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

inline std::vector<float> numbers(const std::string& line, char separator = ' ') {
  std::vector<float> to;
  std::istringstream fields(line);
  for (std::string field; std::getline(fields, field, separator);)
    to.push_back(std::strtof(field.c_str(), nullptr));
  return to;
}

inline std::string base64(std::string_view text) {
  std::string to;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const bool upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z';
    const int digit = upper                  ? c - 'A'
                      : lower                ? c - 'a' + 26
                      : c >= '0' && c <= '9' ? c - '0' + 52
                      : c == '+'             ? 62
                      : c == '/'             ? 63
                                             : -1;
    if (digit < 0) continue;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    to.push_back(static_cast<char>(bits >> count & 0xff));
  }
  return to;
}

// The files in data/forms.txt and data/accepted.txt: every accepted form.
inline std::vector<std::string> accepted_files() {
  std::vector<std::string> files;
  for (const char* from : {"tests/data/forms.txt", "tests/data/accepted.txt"}) {
    std::istringstream lines(must_read(from));
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with("onnx ")) files.push_back(base64(line.substr(5)));
  }
  CHECK(files.size() > 400);
  return files;
}

// Scores of row-major rows, checked to be the same one by one, together, and on every
// instruction set that this CPU has.
template <class Net> std::vector<float> scores_of(const Net& net, const std::vector<float>& rows) {
  const std::size_t n = rows.size() / Net::inputs;
  std::vector<float> scores(n);
  REQUIRE(net.score(std::span<const float>(rows), std::span<float>(scores)) == tinymlp::status::ok);
  for (const tinymlp::isa isa : tinymlp::supported()) {
    CAPTURE(tinymlp::name(isa));
    std::vector<float> again(n);
    REQUIRE(net.score(std::span<const float>(rows), std::span<float>(again), isa) ==
            tinymlp::status::ok);
    std::size_t different = 0;
    for (std::size_t r = 0; r < n; ++r) {
      const auto row = std::span(rows).subspan(r * Net::inputs).template first<Net::inputs>();
      const auto alone = net.score(row, isa);
      different += !alone || !same(*alone, scores[r]) || !same(again[r], scores[r]);
    }
    CHECK(different == 0);
  }
  return scores;
}

} // namespace test_data
