// Rows over the cores: pieces of a batch, each scored by one thread. The engine's bits do not
// depend on where a batch is cut.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

namespace tinymlp::python {

// Below this a thread costs more than it brings.
inline constexpr std::size_t threaded_rows = 100000;

// Calls piece(begin, end) over all of 0 to `count`. Throws std::bad_alloc where a piece did. Runs
// in this thread what the system has no thread for.
template <class Piece> void for_pieces(std::size_t count, std::size_t threads, const Piece& piece) {
  if (count <= threaded_rows || threads <= 1) return piece(0, count);
  constexpr std::size_t grain = 4096;
  const std::size_t wanted = std::min(threads, count / (threaded_rows / 4));
  const std::size_t size = ((count + wanted - 1) / wanted + grain - 1) / grain * grain;
  std::atomic<bool> no_memory{false};
  const auto guarded = [&](std::size_t begin) {
    try {
      piece(begin, std::min(count, begin + size));
    } catch (const std::bad_alloc&) {
      no_memory = true;
    }
  };
  {
    std::vector<std::jthread> others;
    others.reserve(wanted);
    for (std::size_t begin = size; begin < count; begin += size) {
      try {
        others.emplace_back(guarded, begin);
      } catch (const std::system_error&) {
        guarded(begin);
      }
    }
    guarded(0);
  }
  if (no_memory) throw std::bad_alloc();
}

// Rows that are gathered and scored at a time where they do not lie as the engine reads them.
constexpr std::size_t block_rows(std::size_t values_of_a_row) {
  return std::clamp<std::size_t>(32768 / values_of_a_row, 1, 1024);
}

} // namespace tinymlp::python
