// How an engine with any number of inputs and outputs is called while it is timed: as bench/modes
// does, which is about six features and one score. Processor time of the calling thread, one
// thread.
//
// An engine has row(const float* in, float* out), and prepare(const float* rows, std::size_t count,
// float* out), whose result is called without arguments.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <benchmark/benchmark.h>

#include "network_file.hpp"

namespace tinymlp::bench {

// Rows that are scored in turn: as many as stay in the first-level cache, 2 to 64.
inline std::size_t rows_in_turn_of(const network_file& network) {
  return std::clamp<std::size_t>(4096 / network.inputs(), 2, 64); // 16 KiB
}

// One row a call. Each call depends on the outputs before, the first and the last, through the
// address of its features; see run_latency() of bench/modes.hpp.
template <class Engine>
void run_latency(benchmark::State& state, const Engine& engine, const network_file& network) {
  const std::size_t turn = rows_in_turn_of(network), width = network.inputs();
  const std::vector<float> features = network.rows(turn);
  std::vector<float> outputs(network.outputs());
  float* const out = outputs.data();
  const float* const last = out + outputs.size() - 1;
  const auto rows = reinterpret_cast<std::uintptr_t>(features.data());
  std::uint32_t zero = 0;
  benchmark::DoNotOptimize(zero);
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    const std::uintptr_t nothing =
        (std::bit_cast<std::uint32_t>(*out) | std::bit_cast<std::uint32_t>(*last)) & zero;
    engine.row(reinterpret_cast<const float*>((rows + next) + nothing), out);
    benchmark::ClobberMemory();
    next += width * sizeof(float);
    if (next == turn * width * sizeof(float)) next = 0;
  }
  state.SetItemsProcessed(state.iterations());
}

// One call for `count` rows.
template <class Engine>
void run_batch(benchmark::State& state, const Engine& engine, const network_file& network,
               std::size_t count) {
  const std::vector<float> rows = network.rows(count);
  std::vector<float> outputs(count * network.outputs());
  const auto score = engine.prepare(rows.data(), count, outputs.data());
  score(); // memory that was never touched is not what is measured
  for ([[maybe_unused]] auto _ : state) {
    score();
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
}

} // namespace tinymlp::bench
