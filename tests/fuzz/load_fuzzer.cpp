// libFuzzer target: bytes -> plan -> every network -> the score of one row on every instruction
// set, whose bits must agree. Seeds and commands: tests/fuzz/run.
#include "check_error.hpp"

#include <tinymlp/any_network.hpp>
#include <tinymlp/load.hpp>
#include <tinymlp/network.hpp>
#include <tinymlp/quantized.hpp>
#include <tinymlp/static_quantized.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace {

using namespace tinymlp;

using fuzz::check, fuzz::require;

using fuzz::bits;

// The row: the file's last bytes as floats of any kind, so that the fuzzer chooses them.
template <std::size_t N> std::array<float, N> row_from(std::span<const char> file) {
  std::array<float, N> row{};
  const std::size_t n = file.size() < sizeof(row) ? file.size() : sizeof(row);
  std::memcpy(row.data(), file.data() + file.size() - n, n);
  return row;
}

template <class Net> void check_scores(const Net& net, const std::array<float, Net::inputs>& row) {
  const std::uint32_t expected = bits(*net.score(row, isa::reference));
  std::array<float, 3 * Net::inputs> rows{};
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = row[i % Net::inputs];
  for (const isa which : supported()) {
    require(bits(*net.score(row, which)) == expected);
    std::array<float, 3> scores{};
    require(net.score(rows, scores, which) == status::ok);
    for (const float s : scores) require(bits(s) == expected);
  }
}

// Activation ranges: the file's first bytes as floats of any kind.
template <std::size_t... Sizes>
void check_static(const network<Sizes...>& net, std::span<const char> file) {
  using static_net = static_quantized_network<Sizes...>;
  typename static_net::ranges ranges{};
  std::memcpy(&ranges, file.data(), file.size() < sizeof ranges ? file.size() : sizeof ranges);
  for (const auto& given : {ranges, typename static_net::ranges{{{-2, 3}, {0, 4}, {0, 5}}}}) {
    const result<static_net> fixed = quantize(net, given);
    if (!fixed) continue;
    check_scores(*fixed, row_from<static_net::inputs>(file));
  }
}

template <class Net> void check_network(const onnx::plan& plan, std::span<const char> file) {
  const result<Net> net = Net::from_plan(plan);
  if (!net) return check(net.error(), file);
  check_scores(*net, row_from<Net::inputs>(file));
  std::array<float, Net::inputs> ordinary{};
  ordinary.fill(0.75F);
  check_scores(*net, ordinary);
  if constexpr (requires { quantize(*net); }) {
    check_scores(quantize(*net), ordinary);
    check_scores(quantize(*net, granularity::per_channel), row_from<Net::inputs>(file));
    check_static(*net, file);
  }
}

// Whatever the shape: every instruction set, one row and batches, against the reference.
void check_any(std::span<const char> file, onnx::external_files external) {
  const result<std::size_t> size = required_storage(file, external);
  if (!size || *size > 1U << 22) return; // what is larger takes too long
  std::vector<std::byte> storage(*size);
  const result<any_network> net = load_any(file, storage, external);
  if (!net) return check(net.error(), file);
  const std::size_t n = net->inputs(), m = net->outputs(), count = 35;
  std::vector<float> rows(n * count), expected(m * count), values(m * count);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i >= n && i < 2 * n && file.size() >= sizeof(float)) // the second row: any bits
      std::memcpy(&rows[i], file.data() + i * 4 % (file.size() - 3), sizeof(float));
    else
      rows[i] = static_cast<float>(i % 17) * 0.125F - 1;
  }
  require(net->run(rows, expected, isa::reference) == status::ok);
  for (const isa which : supported()) {
    require(net->run(rows, values, which) == status::ok);
    for (std::size_t i = 0; i < values.size(); ++i) require(bits(values[i]) == bits(expected[i]));
    for (std::size_t r = 0; r < 2; ++r) {
      require(net->run(std::span(rows).subspan(r * n, n), std::span(values).first(m), which) ==
              status::ok);
      for (std::size_t i = 0; i < m; ++i) require(bits(values[i]) == bits(expected[r * m + i]));
    }
  }
}

// A file refers to external data by these names.
constexpr char external_bytes[4096]{};
constexpr std::array<onnx::external_file, 1> external_files{{{"weights.bin", external_bytes}}};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const char> file(reinterpret_cast<const char*>(data), size);
  const result<onnx::plan> plan = onnx::parse(file, external_files);
  if (!plan) {
    check(plan.error(), file);
    return 0;
  }
  check_any(file, external_files);
  check_network<mlp_small>(*plan, file);
  check_network<mlp_medium>(*plan, file);
  check_network<mlp_large>(*plan, file);
  check_network<mlp_small_int8>(*plan, file);
  check_network<mlp_medium_int8>(*plan, file);
  check_network<mlp_large_int8>(*plan, file);
  check_network<mlp_small_static_int8>(*plan, file);
  check_network<mlp_large_static_int8>(*plan, file);
  check_network<network<3, 4, 2, 1>>(*plan, file);
  check_network<quantized_network<3, 4, 2, 1>>(*plan, file);
  check_network<static_quantized_network<3, 4, 2, 1>>(*plan, file);
  return 0;
}
