// tinymlp_bench: engine/network/precision/isa/mode, and the limits of the machine.
#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "fma_peak.hpp"
#include "modes.hpp"
#include "subjects.hpp"
#include "sum_order.hpp"

namespace {

using namespace tinymlp;
using namespace tinymlp::bench;

constexpr std::array<std::size_t, 3> batch_sizes{64, 4096, 1'000'000};

// Calls in turn with the peak, some 8,192 rows at a time.
template <class Engine>
double share_of_peak(const Engine& engine, const fma_limit& limit, std::size_t macs,
                     std::size_t rows) {
  std::vector<float> scores(rows);
  const auto score = engine.prepare(rows_to_score(rows).data(), rows, scores.data());
  const std::size_t calls = 1 + 8192 / rows;
  return share_of_peak(limit, 2.0 * static_cast<double>(macs * rows * calls), [&] {
    for (std::size_t i = 0; i < calls; ++i) {
      score();
      benchmark::ClobberMemory();
    }
  });
}

template <class Engine>
void run_own_batch(benchmark::State& state, const Engine& engine, const label& what,
                   std::size_t rows) {
  run_batch(state, engine, rows);
  const std::string_view isa = what.isa == "auto" ? name(selected()) : what.isa;
  const fma_limit* limit = limit_of(isa);
  if (what.macs != 0 && what.precision == "fp32" && limit != nullptr)
    state.counters["fma_peak_share"] = share_of_peak(engine, *limit, what.macs, rows);
}

template <class Function> void add(const std::string& name, Function&& function) {
  benchmark::RegisterBenchmark(name.c_str(), std::forward<Function>(function))
      ->ComputeStatistics("min", [](const std::vector<double>& values) {
        return *std::min_element(values.begin(), values.end());
      });
}

void add_subjects() {
  for_each_subject([](const label& what, auto engine) {
    const auto kept = std::make_shared<const decltype(engine)>(std::move(engine));
    const std::string base = what.text() + "/";
    add(base + "latency", [kept](benchmark::State& state) { run_latency(state, *kept); });
    add(base + "throughput", [kept](benchmark::State& state) { run_throughput(state, *kept); });
    for (const std::size_t rows : batch_sizes)
      add(base + "batch:" + std::to_string(rows),
          [kept, what, rows](benchmark::State& state) { run_own_batch(state, *kept, what, rows); });
  });
}

void run_fma(benchmark::State& state, const fma_limit& limit) {
  constexpr std::uint64_t steps = 1000;
  for ([[maybe_unused]] auto _ : state) {
    float sum = limit.run(steps);
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(state.iterations() *
                          static_cast<std::int64_t>(limit.flops_per_step * steps));
}

// The least that any row() can take: a call that loads one feature.
struct empty_engine {
  [[gnu::noinline]] static float load(const float* features) { return features[row_width - 1]; }
  float (*row)(const float* features) = load;
};

void add_limits() {
  for (const fma_limit& limit : fma_limits())
    add("limit/fma/" + std::string(limit.isa),
        [limit](benchmark::State& state) { run_fma(state, limit); });
  empty_engine empty;
  benchmark::DoNotOptimize(empty.row);
  add("limit/call/latency", [empty](benchmark::State& state) { run_latency(state, empty); });
  add("limit/call/throughput", [empty](benchmark::State& state) { run_throughput(state, empty); });
}

void add_order_limits() {
  for (const order_limit& limit : order_limits())
    if (limit.run != nullptr)
      add("limit/order/" + std::string(limit.network) + "/latency",
          [limit](benchmark::State& state) { run_latency(state, limit); });
}

std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(line.find(": ") + 2);
  return "unknown";
}

void describe_run() {
  std::string isas;
  for (const isa which : supported()) isas.append(isas.empty() ? "" : " ").append(name(which));
  const auto say = [](const char* key, const std::string& value) {
    benchmark::AddCustomContext(key, value);
  };
  say("cpu_model", cpu_model());
  say("isa_supported", isas);
  say("isa_selected", std::string(name(selected())));
  say("compiler", TINYMLP_COMPILER);
  say("eigen", std::string(eigen::version()));
#if TINYMLP_BENCH_ONNXRUNTIME
  say("onnxruntime", onnxruntime_engine::version());
#endif
#if TINYMLP_BENCH_SVM
  say("libsvm", std::string(svm_engine::version()));
#endif
}

int run(int argc, char** argv) {
  // Against the noise of a shared machine; what is given on the command line comes later and wins.
  std::vector<std::string> arguments{
      argv[0], "--benchmark_repetitions=9", "--benchmark_enable_random_interleaving=true",
      "--benchmark_min_time=0.03", "--benchmark_report_aggregates_only=true"};
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  int count = static_cast<int>(pointers.size());
  pointers.push_back(nullptr);

  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 2;
  describe_run();
  add_limits();
  add_order_limits();
  add_subjects();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tinymlp_bench: %s\n", error.what());
    return 1;
  }
}
