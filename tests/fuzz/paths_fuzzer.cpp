// libFuzzer target: what the compiler made of a table of networks at random
// (tests/random_graph.hpp) against what is made of the same files at run time. Parsed and packed by
// the compiler, loaded as that type, loaded as a network of any shape: the same bits for rows of
// any bits; and the rows that the compiler scored itself. Then the files with bytes changed: what
// the type takes, the network of any shape takes, and gives the same bits.
#include "check_error.hpp"

#include "../random_graph.hpp"

#include <tinymlp/any_network.hpp>
#include <tinymlp/load.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace tinymlp;

using fuzz::bits;
using fuzz::require;

constexpr std::size_t models = 6; // the compiler takes some seconds for each

// Model 2 is one as exporters write them: raw weights, transposed, of widths that fill no vector.
// The others are made from bytes that look random; the first six have layers of each kind, fp32 and
// int8.
template <std::size_t I> constexpr random_graph::bytes write_model() {
  if constexpr (I == 2) return onnx_writer::fp32_model({5, 18, 7, 1}).write();
  std::array<std::uint8_t, 160> bytes{};
  std::uint32_t random = 1 + 977 * static_cast<std::uint32_t>(I);
  for (std::uint8_t& b : bytes) {
    random = random * 1664525U + 1013904223U;
    b = static_cast<std::uint8_t>(random >> 24);
  }
  random_graph::choices from(bytes);
  return random_graph::maker(from, {.layers = 2, .width = 8}).make().write();
}
template <std::size_t I> struct entry {
  static constexpr auto file = random_graph::frozen([] { return write_model<I>(); });
  using net = network_of<file>;
  static constexpr net embedded = embed<file>();
};

template <class Net, class Row> constexpr auto outputs_of(const Net& net, const Row& row) {
  if constexpr (requires { net.run(row); })
    return net.run(row);
  else
    return std::array<float, 1>{net.score(row)};
}
// A row that the compiler scores.
template <class Net> constexpr std::array<float, Net::inputs> own_row() {
  std::array<float, Net::inputs> row{};
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = static_cast<float>(i * 37 % 23) / 8 - 1;
  return row;
}

template <class A, class B> void require_same(const A& a, const B& b) {
  require(std::size(a) == std::size(b));
  for (std::size_t i = 0; i < std::size(a); ++i) require(bits(a[i]) == bits(b[i]));
}

template <class Net>
std::vector<float> run_any(const owned_network& any, const std::array<float, Net::inputs>& row) {
  std::vector<float> to(any->outputs());
  require(any->run(row, to) == status::ok);
  return to;
}

template <std::size_t I> void check_entry(random_graph::choices& from) {
  using net = typename entry<I>::net;
  constexpr const net& embedded = entry<I>::embedded;
  constexpr auto row = own_row<net>();
  constexpr auto by_compiler = outputs_of(embedded, row);
  owned_network any;
  require(any.load(std::span<const char>(entry<I>::file)).code == status::ok);
  require_same(by_compiler, outputs_of(embedded, row));
  require_same(by_compiler, run_any<net>(any, row));

  std::array<float, net::inputs> other{};
  for (float& x : other)
    x = from.flip() ? std::bit_cast<float>(from.word()) : static_cast<float>(from.byte()) / 32 - 4;
  const result<net> loaded = load<net>(std::span<const char>(entry<I>::file));
  require(static_cast<bool>(loaded));
  require_same(outputs_of(embedded, other), run_any<net>(any, other));
  require_same(outputs_of(*loaded, other), run_any<net>(any, other));

  std::vector<char> changed(entry<I>::file.begin(), entry<I>::file.end());
  for (std::uint32_t n = from.below(8); n > 0; --n)
    changed[from.word() % changed.size()] = static_cast<char>(from.byte());
  const result<net> typed = load<net>(std::span<const char>(changed));
  owned_network untyped;
  const error why = untyped.load(changed);
  if (typed) {
    require(why.code == status::ok);
    require_same(outputs_of(*typed, other), run_any<net>(untyped, other));
  } else if (why.code == status::ok) { // then it is another network, and for the type to refuse
    require(typed.error().code == status::network_mismatch ||
            typed.error().code == status::precision_mismatch);
  } else {
    fuzz::check(why, changed);
  }
}

template <std::size_t... I> constexpr auto all_checks(std::index_sequence<I...>) {
  return std::array<void (*)(random_graph::choices&), sizeof...(I)>{check_entry<I>...};
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static constexpr auto checks = all_checks(std::make_index_sequence<models>());
  random_graph::choices from({data, size});
  checks[from.below(models)](from);
  return 0;
}
