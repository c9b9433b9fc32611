// The body that each translation unit includes, ODR_VIEW being the name of its function.
#include "scores.hpp"

#include "../static_networks.hpp"

#include <tinymlp/tinymlp.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>

namespace odr {
namespace {

float feature(std::size_t row, std::size_t i) {
  return static_cast<float>((row * 131 + i * 57) % 1009) / 841.0F - 0.1F;
}

bool same(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

template <class Net> bool score_all(const Net& net, std::span<float, row_count> scores) {
  std::array<float, row_count * 6> rows{};
  for (std::size_t r = 0; r < row_count; ++r)
    for (std::size_t i = 0; i < 6; ++i) rows[r * 6 + i] = feature(r, i);
  bool same_everywhere = net.score(rows, scores) == tinymlp::status::ok;
  for (const tinymlp::isa isa : tinymlp::supported())
    for (std::size_t r = 0; r < row_count; ++r) {
      const auto row = std::span<const float>(rows).subspan(r * 6).first<6>();
      const auto score = net.score(row, isa);
      same_everywhere = same_everywhere && score && same(*score, scores[r]);
    }
  return same_everywhere;
}

} // namespace

view ODR_VIEW() {
  using namespace tinymlp;
  view v{sizeof(mlp_small), alignof(mlp_small), sizeof(mlp_large_int8), &vmaf::small(), {}, true};
  std::size_t at = 0;
  const auto add = [&](const auto& net) {
    v.same_on_every_isa &=
        score_all(net, std::span<float, row_count>(v.all.data() + at, row_count));
    at += row_count;
  };
  add(vmaf::small());
  add(vmaf::medium());
  add(vmaf::large());
  add(vmaf::small_int8());
  add(vmaf::medium_int8());
  add(vmaf::large_int8());
  add(static_networks::large);
  return v;
}

} // namespace odr
