// tinymlp_networks_bench: the networks that people have, engine/network/precision/isa/mode.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include <tinymlp/tinymlp.hpp>

#include "../fma_peak.hpp"
#include "eigen_network.hpp"
#include "embedded_network.hpp"
#include "generated_loops.hpp"
#include "network_file.hpp"
#include "network_modes.hpp"
#include "written_networks.hpp"
#if TINYMLP_BENCH_ONNXRUNTIME
#include "../onnxruntime_engine.hpp"
#include "onnxruntime_network.hpp"
#endif
#if TINYMLP_BENCH_XNNPACK
#include "xnnpack_engine.hpp"
#endif

namespace {

using namespace tinymlp;
using namespace tinymlp::bench;

constexpr std::size_t batch_rows = 4096;

// As a user calls it, or on an instruction set by name.
struct own_engine {
  const any_network& net;
  std::optional<isa> which = std::nullopt;

  void row(const float* in, float* out) const { rows(in, 1, out); }
  void rows(const float* in, std::size_t count, float* out) const {
    const std::span features(in, count * net.inputs());
    const std::span values(out, count * net.outputs());
    static_cast<void>(which ? net.run(features, values, *which) : net.run(features, values));
  }
};

// The two ways to write the plain loops of one row; they come of one compilation.
struct dot_loops {
  std::shared_ptr<const generated_loops> loops;
  void row(const float* in, float* out) const { loops->dot(in, out); }
  void rows(const float* in, std::size_t count, float* out) const { loops->rows(in, count, out); }
};
struct axpy_loops {
  std::shared_ptr<const generated_loops> loops;
  void row(const float* in, float* out) const { loops->axpy(in, out); }
};

template <class Engine>
concept scores_many = requires(const Engine& engine, const float* in, float* out) {
  engine.prepare(in, 1, out);
}
|| requires(const Engine& engine, const float* in, float* out) { engine.rows(in, 1, out); };

// The call for many rows: prepare() where the engine has it, else rows().
template <class Engine>
auto prepared(const Engine& engine, const float* in, std::size_t count, float* out) {
  if constexpr (requires { engine.prepare(in, count, out); })
    return engine.prepare(in, count, out);
  else
    return [&engine, in, count, out] { engine.rows(in, count, out); };
}

// Made, and its outputs compared with tinymlp's, when it is first needed: compiling takes time.
template <class Engine> struct lazy {
  const network_file& network;
  std::function<std::unique_ptr<Engine>()> make;
  std::string name;
  std::unique_ptr<Engine> made = nullptr;

  const Engine& get(bool with_batch);
  auto prepare(const float* in, std::size_t count, float* out) const {
    return prepared(*made, in, count, out);
  }
  void row(const float* in, float* out) const { made->row(in, out); }
};

// Throws where outputs differ by more than 1e-4 of the largest: other orders of sums and other
// elementary functions stay within, a wrong layer does not.
void compare(const std::vector<float>& found, const std::vector<float>& expected,
             const std::string& who) {
  float largest = 0;
  for (const float value : expected) largest = std::max(largest, std::fabs(value));
  for (std::size_t i = 0; i < expected.size(); ++i)
    if (!(std::fabs(found[i] - expected[i]) <= 1e-4F * largest))
      throw std::runtime_error(who + ": output " + std::to_string(i) + " is " +
                               std::to_string(found[i]) + ", tinymlp's " +
                               std::to_string(expected[i]));
}

template <class Engine>
void check_agreement(const Engine& engine, const network_file& network, bool with_batch,
                     const std::string& who) {
  constexpr std::size_t count = 300; // not a whole number of any engine's blocks
  const std::size_t in = network.inputs(), out = network.outputs();
  const std::vector<float> rows = network.rows(count);
  std::vector<float> expected(count * out), found(count * out);
  own_engine{network.net()}.rows(rows.data(), count, expected.data());
  for (std::size_t r = 0; r < count; ++r) engine.row(&rows[r * in], &found[r * out]);
  compare(found, expected, who + ", one row");
  if constexpr (scores_many<Engine>) {
    if (!with_batch) return;
    std::fill(found.begin(), found.end(), 0.0F);
    const auto score = prepared(engine, rows.data(), count, found.data());
    score();
    if constexpr (requires { score.read(found.data()); }) score.read(found.data());
    compare(found, expected, who + ", batch");
  }
}

template <class Engine> const Engine& lazy<Engine>::get(bool with_batch) {
  if (made == nullptr) {
    std::unique_ptr<Engine> engine = make();
    check_agreement(*engine, network, with_batch, name);
    made = std::move(engine);
  }
  return *made;
}

// What is registered, and what --check goes through.
class registry {
public:
  // many: false where a graph takes but one row.
  template <class Engine>
  void add(const network_file& network, const std::string& engine, std::string_view isa_name,
           std::function<std::unique_ptr<Engine>()> make, bool many = true) {
    const std::string name = engine + "/" + network.name() + "/fp32/" + std::string(isa_name);
    const auto kept = std::make_shared<lazy<Engine>>(lazy<Engine>{network, std::move(make), name});
    checks_.push_back([kept, many] { kept->get(many); });
    add_benchmark(network, name + "/latency", [this, kept, many](benchmark::State& state) {
      if (ready(state, *kept, many)) run_latency(state, *kept, kept->network);
    });
    if constexpr (scores_many<Engine>) {
      if (!many) return;
      add_benchmark(network, name + "/batch:" + std::to_string(batch_rows),
                    [this, kept, isa_name](benchmark::State& state) {
                      if (!ready(state, *kept, true)) return;
                      run_batch(state, *kept, kept->network, batch_rows);
                      if constexpr (std::is_same_v<Engine, own_engine>)
                        add_share(state, *kept, isa_name);
                    });
    }
  }

  void add_load(const network_file& network);
  void add_limit(const fma_limit& limit);

  // Makes every engine and compares it; prints what differs. Returns how many do.
  int check_all() {
    for (const auto& check : checks_) {
      try {
        check();
      } catch (const std::exception& error) {
        fail(error.what());
      }
    }
    std::printf("%zu engines with a network, %d differ from tinymlp or fail\n", checks_.size(),
                failures_);
    return failures_;
  }
  int failures() const { return failures_; }

private:
  template <class Function>
  static benchmark::internal::Benchmark* add_plain(const std::string& name, Function&& function) {
    return benchmark::RegisterBenchmark(name.c_str(), std::forward<Function>(function))
        ->ComputeStatistics("min", [](const std::vector<double>& values) {
          return *std::min_element(values.begin(), values.end());
        });
  }
  template <class Function>
  static void add_benchmark(const network_file& network, const std::string& name,
                            Function function) {
    add_plain(name, [&network, function](benchmark::State& state) {
      function(state);
      state.SetLabel(network.shape());
      state.counters["parameters"] = static_cast<double>(network.parameters());
      state.counters["narrowest"] = static_cast<double>(network.narrowest());
    });
  }

  void fail(const std::string& why) {
    ++failures_;
    std::fprintf(stderr, "tinymlp_networks_bench: %s\n", why.c_str());
  }
  template <class Engine> bool ready(benchmark::State& state, lazy<Engine>& engine, bool many) {
    try {
      engine.get(many);
      return true;
    } catch (const std::exception& error) {
      fail(error.what());
      state.SkipWithError(error.what());
      return false;
    }
  }

  static void add_share(benchmark::State& state, const lazy<own_engine>& engine,
                        std::string_view isa_name) {
    const network_file& network = engine.network;
    const fma_limit* limit = limit_of(isa_name == "auto" ? name(selected()) : isa_name);
    if (limit == nullptr || network.narrowest() < 64) return;
    const std::vector<float> rows = network.rows(batch_rows);
    std::vector<float> outputs(batch_rows * network.outputs());
    const double flops = 2.0 * static_cast<double>(network.macs());
    // Calls of about half a millisecond; a multiple of what the kernels take at a time.
    const std::size_t count =
        std::clamp<std::size_t>(static_cast<std::size_t>(5e7 / flops) / 256 * 256, 256, batch_rows);
    state.counters["fma_peak_share"] =
        share_of_peak(*limit, flops * static_cast<double>(count), [&] {
          engine.made->rows(rows.data(), count, outputs.data());
          benchmark::ClobberMemory();
        });
  }

  std::vector<std::function<void()>> checks_;
  int failures_ = 0;
};

// From bytes in memory to a network that scores: items are parameters. Beside it, copying as many
// bytes as the parameters take.
void registry::add_load(const network_file& network) {
  const auto parameters = static_cast<std::int64_t>(network.parameters());
  const std::size_t bytes = network.parameters() * sizeof(float);
  add_benchmark(network, "tinymlp/" + network.name() + "/fp32/auto/load",
                [&network, parameters, bytes](benchmark::State& state) {
                  const auto size = required_storage(network.model(), network.external());
                  std::vector<std::byte> storage(*size);
                  for ([[maybe_unused]] auto _ : state) {
                    auto needed = required_storage(network.model(), network.external());
                    benchmark::DoNotOptimize(needed);
                    auto net = load_any(network.model(), storage, network.external());
                    benchmark::DoNotOptimize(net);
                    benchmark::ClobberMemory();
                  }
                  state.SetItemsProcessed(state.iterations() * parameters);
                  state.counters["storage_per_weight"] =
                      static_cast<double>(*size) / static_cast<double>(bytes);
                });
  add_benchmark(network, "memcpy/" + network.name() + "/fp32/generic/load",
                [parameters, bytes](benchmark::State& state) {
                  std::vector<char> from(bytes, 1), to(bytes);
                  for ([[maybe_unused]] auto _ : state) {
                    std::memcpy(to.data(), from.data(), bytes);
                    benchmark::DoNotOptimize(to.data());
                    benchmark::ClobberMemory();
                  }
                  state.SetItemsProcessed(state.iterations() * parameters);
                });
}

void registry::add_limit(const fma_limit& limit) {
  add_plain("limit/fma/" + std::string(limit.isa), [limit](benchmark::State& state) {
    constexpr std::uint64_t steps = 1000;
    for ([[maybe_unused]] auto _ : state) {
      float sum = limit.run(steps);
      benchmark::DoNotOptimize(sum);
    }
    state.SetItemsProcessed(state.iterations() *
                            static_cast<std::int64_t>(limit.flops_per_step * steps));
  });
}

void add_own(registry& to, const network_file& network) {
  const auto add = [&](std::string_view isa_name, std::optional<isa> which) {
    to.add<own_engine>(network, "tinymlp", isa_name, [&network, which] {
      return std::make_unique<own_engine>(own_engine{network.net(), which});
    });
  };
  add("auto", std::nullopt);
  for (const isa which : {isa::avx2, isa::avx512, isa::neon})
    if (supported(which)) add(name(which), which);
}

template <class Engine>
void add_of_layers(registry& to, const network_file& network, const std::string& engine) {
  to.add<Engine>(network, engine, "native",
                 [&network] { return std::make_unique<Engine>(layers_of(network.plan())); });
}

void add_embedded(registry& to, const network_file& network) {
  if (!embedded_network::can_embed(network)) return;
  to.add<embedded_network>(network, "embedded", "auto",
                           [&network] { return std::make_unique<embedded_network>(network); });
}

using shared_loops = std::shared_ptr<const generated_loops>;

void add_loops(registry& to, const network_file& network) {
  if (!generated_loops::available()) return;
  for (const bool wide : {false, true}) {
    if (wide && !generated_loops::wide_available()) continue;
    const char* isa_name = wide ? "native512" : "native";
    const auto loops = [&network, wide, made = std::make_shared<shared_loops>()] {
      if (*made == nullptr)
        *made = std::make_shared<const generated_loops>(layers_of(network.plan()), wide);
      return *made;
    };
    to.add<dot_loops>(network, "loops", isa_name,
                      [loops] { return std::make_unique<dot_loops>(dot_loops{loops()}); });
    to.add<axpy_loops>(network, "loops-axpy", isa_name,
                       [loops] { return std::make_unique<axpy_loops>(axpy_loops{loops()}); });
  }
}

#if TINYMLP_BENCH_ONNXRUNTIME
void add_onnxruntime(registry& to, const network_file& network) {
  bool one = false, many = false;
  for (const std::size_t count : {std::size_t{1}, std::size_t{2}}) {
    try {
      onnxruntime_run(network, count, nullptr);
      (count == 1 ? one : many) = true;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "left out: %s by ONNX Runtime, %s: %s\n", network.name().c_str(),
                   count == 1 ? "one row" : "batches", error.what());
    }
  }
  if (one)
    to.add<onnxruntime_network>(
        network, "onnxruntime", "generic",
        [&network] { return std::make_unique<onnxruntime_network>(network); }, many);
}
#endif

void describe_run() {
  const auto say = [](const char* key, const std::string& value) {
    benchmark::AddCustomContext(key, value);
  };
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) {
      say("cpu_model", line.substr(line.find(": ") + 2));
      break;
    }
  say("isa_selected", std::string(name(selected())));
  say("compiler", TINYMLP_COMPILER);
  say("eigen", TINYMLP_BENCH_EIGEN);
#if TINYMLP_BENCH_ONNXRUNTIME
  say("onnxruntime", onnxruntime_engine::version());
#endif
#if TINYMLP_BENCH_XNNPACK
  say("xnnpack", TINYMLP_BENCH_XNNPACK_VERSION);
#endif
}

void tell_missing() {
  if (!TINYMLP_BENCH_ONNXRUNTIME) std::fputs("left out: ONNX Runtime is not installed\n", stderr);
  if (!TINYMLP_BENCH_XNNPACK) std::fputs("left out: XNNPACK is not installed\n", stderr);
  if (!generated_loops::available())
    std::fputs("left out: plain loops, for there is no C compiler\n", stderr);
}

void add_network(registry& to, const network_file& network, bool embeds) {
  add_own(to, network);
  if (embeds) add_embedded(to, network);
#if TINYMLP_BENCH_ONNXRUNTIME
  add_onnxruntime(to, network);
#endif
  const std::vector<layer> layers = layers_of(network.plan());
#if TINYMLP_BENCH_XNNPACK
  if (xnnpack_engine::can_express(with_fewer_activations(layers)))
    add_of_layers<xnnpack_engine>(to, network, "xnnpack");
#endif
  add_loops(to, network);
  if (eigen_network::can_express(layers)) add_of_layers<eigen_network>(to, network, "eigen");
  to.add_load(network);
}

struct options {
  std::vector<std::string> paths;
  bool check = false;
  std::vector<char*> rest; // for Google Benchmark
};

options read_options(int argc, char** argv) {
  options to;
  for (int i = 0; i < argc; ++i) {
    const std::string_view argument = argv[i];
    constexpr std::string_view networks = "--networks=";
    if (argument.starts_with(networks))
      to.paths.emplace_back(argument.substr(networks.size()));
    else if (argument == "--check")
      to.check = true;
    else
      to.rest.push_back(argv[i]);
  }
  if (to.paths.empty()) to.paths.emplace_back(TINYMLP_BENCH_NETWORKS);
  return to;
}

int run(int argc, char** argv) {
  const options given = read_options(argc, argv);
  // Against the noise of a shared machine; what is given on the command line comes later and wins.
  std::vector<std::string> arguments{
      argv[0], "--benchmark_repetitions=9", "--benchmark_enable_random_interleaving=true",
      "--benchmark_min_time=0.02", "--benchmark_report_aggregates_only=true"};
  arguments.insert(arguments.end(), given.rest.begin() + 1, given.rest.end());
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  int count = static_cast<int>(pointers.size());
  pointers.push_back(nullptr);
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 2;

  std::vector<std::unique_ptr<network_file>> networks;
  for (const std::size_t width : {64, 128, 256, 512}) networks.push_back(dense_network(width));
  if (given.check)
    for (auto& each : forms()) networks.push_back(std::move(each));
  for (const std::string& path : given.paths) {
    if (!std::filesystem::exists(path)) {
      std::fprintf(stderr, "left out: %s: there is no such file or folder\n", path.c_str());
      continue;
    }
    for (auto& each : read_networks(path)) networks.push_back(std::move(each));
  }
  tell_missing();
  describe_run();
  registry all;
  for (const fma_limit& limit : fma_limits()) all.add_limit(limit);
  // Each that is compiled in takes seconds: when nothing is timed, files only, and one of a shape.
  std::set<std::string> shapes;
  for (const auto& network : networks) {
    const bool is_new =
        !network->name().starts_with("form_") && shapes.insert(network->shape()).second;
    add_network(all, *network, !given.check || is_new);
  }
  if (given.check) return all.check_all() == 0 ? 0 : 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return all.failures() == 0 ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tinymlp_networks_bench: %s\n", error.what());
    return 1;
  }
}
