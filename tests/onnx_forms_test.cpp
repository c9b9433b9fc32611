// Every accepted form of a graph as the onnx package writes it (data/forms.txt): which steps it
// becomes, and that these compute, in float64, what ONNX Runtime does in float32.
#include "plan_float64.hpp"
#include "test_data.hpp"

#include <tinymlp/onnx.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

using namespace tinymlp;

namespace {

struct recorded {
  std::string name, steps, output, content;
  std::vector<std::vector<float>> rows, outputs;
};

std::vector<float> floats_in(const std::string& text) {
  std::vector<float> to;
  std::istringstream fields(text);
  for (std::string field; fields >> field;) to.push_back(std::strtof(field.c_str(), nullptr));
  return to;
}

std::vector<recorded> read_recordings() {
  std::vector<recorded> to;
  std::istringstream lines(test_data::must_read("tests/data/forms.txt"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string key, value;
    fields >> key;
    if (key == "#" || key == "rows") continue;
    if (key == "model") {
      to.emplace_back();
      fields >> to.back().name >> to.back().steps >> to.back().output;
    } else if (key == "onnx") {
      fields >> value;
      to.back().content = test_data::base64(value);
    } else {
      const std::size_t bar = line.find('|');
      to.back().rows.push_back(floats_in(line.substr(0, bar)));
      to.back().outputs.push_back(floats_in(line.substr(bar + 1)));
    }
  }
  return to;
}

// One character a step: Dense, Activation, affine as its operator (+ - _ * / ~ for negate, S, B),
// layer_norm N, softmax X, log_softmax L, complement C, slice [.
std::string steps_of(const onnx::plan& p) {
  constexpr std::string_view affine = "+-_*/~SB", others = "?DANXLC[";
  std::string to;
  for (std::size_t i = 0; i < p.step_count; ++i) {
    const onnx::step& s = p.steps[i];
    to += s.kind == onnx::step_kind::affine ? affine[static_cast<std::size_t>(s.op)]
                                            : others[static_cast<std::size_t>(s.kind)];
  }
  return to;
}

// Steps follow each other in width, from the inputs to the outputs.
void check_widths(const onnx::plan& p) {
  std::size_t width = p.inputs, layers = 0, used = 0;
  for (std::size_t i = 0; i < p.step_count; ++i) {
    CHECK(p.steps[i].inputs == width);
    width = p.steps[i].outputs;
    layers += p.steps[i].kind == onnx::step_kind::dense;
  }
  CHECK(p.outputs == width);
  CHECK(p.layer_count == layers);
  for (std::size_t i = 0; i < p.input_count; ++i)
    if (p.graph_inputs[i].used) used += p.graph_inputs[i].count;
  CHECK(p.inputs == used);
}

} // namespace

TEST_CASE("every form becomes the steps that compute what ONNX Runtime computes") {
  const std::vector<recorded> all = read_recordings();
  onnx::plan p;
  for (const recorded& m : all) {
    CAPTURE(m.name);
    const error e = onnx::parse_into(p, m.content, {}, m.output);
    CAPTURE(message(e.code));
    CAPTURE(e.where);
    CAPTURE(e.op_type);
    CHECK(e.code == status::ok);
    if (e.code != status::ok) continue;
    CHECK(steps_of(p) == m.steps);
    CHECK(p.output_name == m.output);
    check_widths(p);
    for (std::size_t r = 0; r < m.rows.size(); ++r) {
      CAPTURE(r);
      REQUIRE(m.rows[r].size() == p.inputs);
      const plan_float64::row y =
          plan_float64::score(p, plan_float64::row(m.rows[r].begin(), m.rows[r].end()));
      REQUIRE(m.outputs[r].size() == y.size());
      double largest = 1;
      for (const float v : m.outputs[r]) largest = std::max(largest, std::abs(double{v}));
      for (std::size_t i = 0; i < y.size(); ++i) {
        CAPTURE(i);
        CAPTURE(y[i]);
        CAPTURE(m.outputs[r][i]);
        CHECK(std::abs(y[i] - double{m.outputs[r][i]}) <= 2e-5 * largest);
      }
    }
    std::vector<error> obstacles(4);
    CHECK(onnx::find_obstacles(m.content, {}, m.output, obstacles) == 0);
  }
  CHECK(all.size() >= 250);
}

// A changed byte gives another plan, or an error that points into the file. (Under a sanitizer,
// reads beyond the bytes are seen: they lie in a buffer of exactly their size.)
TEST_CASE("a file with one byte changed is refused soundly, or is a file in its own right") {
  onnx::plan p;
  std::size_t refused = 0, accepted = 0, unsound = 0;
  std::uint32_t random = 1;
  for (const recorded& m : read_recordings()) {
    std::vector<char> bytes(m.content.begin(), m.content.end());
    for (char& byte : bytes) {
      const char before = byte;
      random = random * 1664525U + 1013904223U;
      byte = static_cast<char>(before ^ static_cast<char>((random >> 24) | 1));
      const error e = onnx::parse_into(p, bytes);
      byte = before;
      if (e.code == status::ok) {
        ++accepted;
        unsound += p.step_count == 0 || p.steps[p.step_count - 1].outputs != p.outputs;
      } else {
        ++refused;
        unsound += e.offset > bytes.size() || e.where.empty();
      }
    }
  }
  CHECK(unsound == 0);
  CHECK(refused > 50000);
  CHECK(accepted > 50000); // in weights, names and producers
}

// Truncated anywhere, a file is refused: with an offset inside it, and a name.
TEST_CASE("no prefix of a file is accepted") {
  onnx::plan p;
  std::size_t accepted = 0, nameless = 0, beyond = 0, tried = 0;
  for (const recorded& m : read_recordings()) {
    for (std::size_t size = 0; size < m.content.size(); ++size) {
      const std::vector<char> part(m.content.begin(),
                                   m.content.begin() + static_cast<std::ptrdiff_t>(size));
      const error e = onnx::parse_into(p, part, {}, m.output);
      accepted += e.code == status::ok;
      nameless += e.where.empty();
      beyond += e.offset > size;
      ++tried;
    }
  }
  CHECK(accepted == 0);
  CHECK(nameless == 0);
  CHECK(beyond == 0);
  CHECK(tried > 100000);
}
