// Plain loops: C with the sizes of one network in it, written, compiled and loaded while the bench
// runs, for only then is the network known. What a code generator emits, with the same flags as
// bench/loops.c: -O3 -march=native -ffast-math, elementary functions from libm and libmvec.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "compiled_library.hpp"
#include "layers.hpp"

namespace tinymlp::bench {

class generated_loops {
public:
  // wide: with vectors of 512 bits. Throws std::runtime_error where the compiler fails.
  generated_loops(std::span<const layer> layers, bool wide);

  // [inputs] -> [outputs]: a dot product an output.
  void dot(const float* in, float* out) const { dot_(in, out); }
  // The same with the two loops exchanged.
  void axpy(const float* in, float* out) const { axpy_(in, out); }
  // [count, inputs] -> [count, outputs]: in blocks of two vectors of rows.
  void rows(const float* in, std::size_t count, float* out) const { rows_(in, count, out); }

  // Is there a compiler?
  static bool available();
  // Are there 512-bit vectors, and flags that ask for them?
  static bool wide_available();

private:
  using row_function = void (*)(const float* in, float* out);
  using rows_function = void (*)(const float* in, std::size_t count, float* out);
  compiled_library library_;
  row_function dot_ = nullptr, axpy_ = nullptr;
  rows_function rows_ = nullptr;
};

// The C source, for those who want to see it.
std::string loops_source(std::span<const layer> layers, std::size_t block);

} // namespace tinymlp::bench
