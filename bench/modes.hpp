// How an engine is called while it is timed. Processor time of the calling thread, one thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <benchmark/benchmark.h>

#include "rows.hpp"

namespace tinymlp::bench {

inline constexpr std::size_t rows_in_turn = 64; // 1.5 KiB: they stay in the first-level cache
inline constexpr std::size_t row_bytes = row_width * sizeof(float);

// The row after the one at `offset`, in turn.
constexpr std::size_t after(std::size_t offset, std::size_t row) {
  offset += row;
  return offset == rows_in_turn * row ? 0 : offset;
}

// Each call depends on the previous result: the address of its features is computed from the bits
// of the last score, through a zero that the compiler cannot see. So all six features arrive
// together and only then, as they do in a player, and nothing is written that the call would have
// to read back. limit/call/latency shows what this costs with a function that only loads a feature.
template <class Engine> void run_latency(benchmark::State& state, const Engine& engine) {
  const auto rows = reinterpret_cast<std::uintptr_t>(rows_to_score(rows_in_turn).data());
  std::uint32_t zero = 0;
  benchmark::DoNotOptimize(zero);
  float score = 0;
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    const std::uintptr_t nothing = std::bit_cast<std::uint32_t>(score) & zero;
    score = engine.row(reinterpret_cast<const float*>((rows + next) + nothing));
    next = after(next, row_bytes);
  }
  benchmark::DoNotOptimize(score);
  state.SetItemsProcessed(state.iterations());
}

// Independent calls, which the processor may overlap.
template <class Engine> void run_throughput(benchmark::State& state, const Engine& engine) {
  const float* rows = rows_to_score(rows_in_turn).data();
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    float score = engine.row(rows + next);
    benchmark::DoNotOptimize(score);
    next = after(next, row_width);
  }
  state.SetItemsProcessed(state.iterations());
}

// One call scores `count` rows.
template <class Engine>
void run_batch(benchmark::State& state, const Engine& engine, std::size_t count) {
  std::vector<float> scores(count);
  const auto score = engine.prepare(rows_to_score(count).data(), count, scores.data());
  score(); // memory that was never touched is not what is measured
  for ([[maybe_unused]] auto _ : state) {
    score();
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
}

} // namespace tinymlp::bench
