// Throughput of the elementary functions, in the engine's own vectors and in those of other
// libraries, and how exact each is on the same values:
//
//   elementary_bench [--benchmark_filter=tanh] ...
//
// Ends with a table: nanoseconds for 64 values of 4,096 in the first-level cache, the largest error
// in units in the last place, and how many times as long as tinymlp each peer takes.
#include "../tests/elementary_functions.hpp"
#include "elementary_peers.hpp"

#include <benchmark/benchmark.h>

#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

#if defined(__x86_64__) || defined(_M_X64)
#define TINYMLP_TARGET "avx2,fma"
#include <tinymlp/kernels/region_begin.inl>
namespace tinymlp::kernels::avx2 {
#include "elementary_fours.inl"
} // namespace tinymlp::kernels::avx2
#include <tinymlp/kernels/region_end.inl>
#define TINYMLP_TARGET "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl"
#include <tinymlp/kernels/region_begin.inl>
namespace tinymlp::kernels::avx512 {
#include "elementary_fours.inl"
} // namespace tinymlp::kernels::avx512
#include <tinymlp/kernels/region_end.inl>
#elif defined(__aarch64__) && defined(__GNUC__) && !defined(__AARCH64EB__)
namespace tinymlp::kernels::neon {
#include "elementary_fours.inl"
} // namespace tinymlp::kernels::neon
#endif

namespace {

using namespace elementary_functions;

constexpr std::size_t count = 4096;

using apply_function = void (*)(const float* x, float* y, std::size_t count);

struct contender {
  std::string function, by;
  apply_function apply;
};

std::vector<contender> contenders() {
  std::vector<contender> all;
  const auto add = [&](isa which, const std::array<apply_function, 7>& by) {
    if (!supported(which)) return;
    for (std::size_t i = 0; i < functions.size(); ++i)
      all.push_back({functions[i].name, "tinymlp " + std::string(name(which)), by[i]});
  };
#if defined(__x86_64__) || defined(_M_X64)
  add(isa::avx2, avx2::fours<vectors::v8>);
  add(isa::avx512, avx512::fours<vectors::v16>);
#elif defined(__aarch64__) && defined(__GNUC__) && !defined(__AARCH64EB__)
  add(isa::neon, neon::fours<vectors::v4>);
#endif
  for (const elementary_peer& peer : elementary_peers())
    all.push_back({peer.function, peer.library, peer.apply});
  return all;
}

// Evenly from -8 to 8; for the logarithm, evenly from 0 to 100.
std::vector<float> values(const std::string& function) {
  std::vector<float> x(count);
  for (std::size_t i = 0; i < count; ++i) {
    const float part = (static_cast<float>(i * 2741 % count) + 0.37F) / count;
    x[i] = function == "log" ? 100 * part : 16 * part - 8;
  }
  return x;
}

double error_of(const contender& c, double (*exact)(double)) {
  const std::vector<float> x = values(c.function);
  std::vector<float> y(count);
  c.apply(x.data(), y.data(), count);
  double worst = 0;
  for (std::size_t i = 0; i < count; ++i)
    worst = std::max(worst, ulps(y[i], exact(static_cast<double>(x[i]))));
  return worst;
}

void run(benchmark::State& state, const contender& c) {
  const std::vector<float> x = values(c.function);
  std::vector<float> y(count);
  for (auto _ : state) {
    c.apply(x.data(), y.data(), count);
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
}

// Keeps the least time of each benchmark.
class keeper : public benchmark::ConsoleReporter {
public:
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& r : runs) {
      if (r.error_occurred || r.run_type != Run::RT_Iteration) continue;
      const double ns = r.GetAdjustedCPUTime() * 64 / count;
      const auto [at, fresh] = least.emplace(r.run_name.function_name, ns);
      if (!fresh) at->second = std::min(at->second, ns);
    }
    ConsoleReporter::ReportRuns(runs);
  }
  std::map<std::string, double> least;
};

void print_table(const std::vector<contender>& all, const std::map<std::string, double>& least) {
  std::printf("\n| function | by | ns for 64 | largest error, ulp | time of the best tinymlp |\n"
              "|---|---|---:|---:|---:|\n");
  for (const elementary_function& f : functions) {
    double best = INFINITY;
    for (const contender& c : all)
      if (const auto at = least.find(c.function + '/' + c.by);
          c.function == f.name && c.by.starts_with("tinymlp") && at != least.end())
        best = std::min(best, at->second);
    for (const contender& c : all)
      if (const auto at = least.find(c.function + '/' + c.by);
          c.function == f.name && at != least.end())
        std::printf("| %s | %s | %.1f | %.2f | %.2f x |\n", f.name, c.by.c_str(), at->second,
                    error_of(c, f.exact), at->second / best);
  }
}

} // namespace

int main(int argc, char** argv) {
  const std::vector<contender> all = contenders();
  for (const contender& c : all)
    benchmark::RegisterBenchmark((c.function + '/' + c.by).c_str(),
                                 [&c](benchmark::State& state) { run(state, c); });
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  keeper kept;
  benchmark::RunSpecifiedBenchmarks(&kept);
  print_table(all, kept.least);
  return 0;
}
