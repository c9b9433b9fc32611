// refused: must not call non-'nonblocking'
// flags: -Wfunction-effects -Werror=function-effects
// Every way to score may be called from a function that must not block.
#include <tinymlp/tinymlp.hpp>

#include <span>
#include <vector>

using namespace tinymlp;

namespace {

template <class Net>
float score_all_ways(const Net& net, std::span<const float> rows, std::span<float> scores) noexcept
    [[clang::nonblocking]] {
  const std::span<const float, Net::inputs> row = rows.template first<Net::inputs>();
  float sum = net.score(row);
  if (net.score(rows, scores) != status::ok) return 0;
  if (const result<float> one = net.score(row, isa::reference)) sum += *one;
  if (net.score(rows, scores, selected()) != status::ok) return 0;
#if defined(__x86_64__)
  sum += net.template score<isa::avx2>(row) + net.template score<isa::avx512_vnni>(row);
  if (net.template score<isa::avx2>(rows, scores) != status::ok) return 0;
#endif
  return sum + scores[0];
}

// Not a shipped shape: through the loops for networks of any size.
using wide = network<40, 300, 20, 1>;
using wide_int8 = quantized_network<40, 300, 20, 1>;
using wide_static_int8 = static_quantized_network<40, 300, 20, 1>;

} // namespace

float in_a_player(std::span<const float> rows, std::span<float> scores, const wide& net,
                  const wide_int8& quantised, const mlp_small_static_int8& fixed,
                  const wide_static_int8& wide_fixed) noexcept [[clang::nonblocking]] {
#ifdef BROKEN
  const std::vector<float> copy(rows.begin(), rows.end());
  scores[0] = copy[0];
#endif
  const vmaf::features frame{.adm2 = rows[0]};
  float sum = vmaf::small().score(frame) + vmaf::small_int8().score(frame);
  sum += score_all_ways(vmaf::small(), rows, scores);
  sum += score_all_ways(vmaf::medium(), rows, scores);
  sum += score_all_ways(vmaf::large(), rows, scores);
  sum += score_all_ways(vmaf::small_int8(), rows, scores);
  sum += score_all_ways(vmaf::medium_int8(), rows, scores);
  sum += score_all_ways(vmaf::large_int8(), rows, scores);
  sum += score_all_ways(fixed, rows, scores) + score_all_ways(wide_fixed, rows, scores);
  return sum + score_all_ways(net, rows, scores) + score_all_ways(quantised, rows, scores);
}
