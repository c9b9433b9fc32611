// libFuzzer target: bytes -> a network at random (tests/random_graph.hpp), weights and rows of any
// bits, fp32 and int8 -> every instruction set against the reference, one row and batches of any
// size, at any alignment: the same bits. (Networks whose shape the compiler knows: load_fuzzer.)
#include "check_error.hpp"
#include "engine.hpp"

#include "../random_graph.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace {

using namespace tinymlp;

using fuzz::bits;
using fuzz::require;

// Any bits as long as there are bytes, then numbers about the size of features; NaN and infinities
// rarely, since a row with one of them is NaN throughout.
std::vector<float> rows_of(random_graph::choices& from, std::size_t count) {
  std::vector<float> to(count);
  std::uint32_t random = from.word();
  const bool any_bits = from.flip(), bad_too = from.rarely();
  for (float& x : to) {
    random = random * 1664525U + 1013904223U;
    x = static_cast<float>(static_cast<int>(random >> 16 & 1023) - 512) / 128;
    if (!any_bits) continue;
    const std::uint32_t any = from.any_left() ? from.word() : random;
    if (bad_too || (any & 0x7f800000U) != 0x7f800000U) x = std::bit_cast<float>(any);
  }
  return to;
}

void check(random_graph::choices& from, std::span<const char> file) {
  fuzz::engine net;
  if (net.load(file).code != status::ok) return; // constants that are too large together
  const std::size_t inputs = net.inputs(), outputs = net.outputs();
  const std::size_t count = 1 + from.below(70), shift = from.below(4);
  const std::vector<float> room = rows_of(from, inputs * count + shift);
  const std::span<const float> rows = std::span(room).subspan(shift);
  std::vector<float> expected(outputs * count), values(outputs * count + shift);
  require(net.run(rows, expected, isa::reference) == status::ok);
  for (const isa which : supported()) {
    const std::span<float> to = std::span(values).subspan(shift);
    require(net.run(rows, to, which) == status::ok);
    for (std::size_t i = 0; i < to.size(); ++i) require(bits(to[i]) == bits(expected[i]));
    for (std::size_t r = 0; r < count; r += 1 + count / 4) { // alone
      require(net.run(rows.subspan(r * inputs, inputs), to.first(outputs), which) == status::ok);
      for (std::size_t o = 0; o < outputs; ++o)
        require(bits(to[o]) == bits(expected[r * outputs + o]));
    }
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  random_graph::choices from({data, size});
  random_graph::limits within{.layers = 4, .width = 40};
  if (from.rarely()) within = {.layers = 2, .width = 255};
  if (from.flip()) within.weights = random_graph::weights_kind::any_bits;
  random_graph::maker maker(from, within);
  const random_graph::bytes file = maker.make().write();
  check(from, file.span());
  return 0;
}
