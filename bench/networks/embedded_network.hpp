// A network compiled into a program, as embed<> does: its model's bytes in a source file, which is
// compiled and loaded while the bench runs, for only then is the network known.
#pragma once

#include <cstddef>

#include "compiled_library.hpp"
#include "network_file.hpp"

namespace tinymlp::bench {

class embedded_network {
public:
  // Throws std::runtime_error where the compiler fails.
  explicit embedded_network(const network_file& network);

  void row(const float* in, float* out) const { row_(in, out); }
  void rows(const float* in, std::size_t count, float* out) const { rows_(in, count, out); }

  // Is there a compiler, and is the network one that compilers take at their default limits?
  static bool can_embed(const network_file& network);

private:
  compiled_library library_;
  void (*row_)(const float* in, float* out);
  void (*rows_)(const float* in, std::size_t count, float* out);
};

} // namespace tinymlp::bench
