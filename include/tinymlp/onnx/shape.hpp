// Shapes of values while one row is scored, and integers that are computed from them.
#pragma once

#include <tinymlp/onnx/tensor.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace tinymlp::onnx::detail {

// The shape of a value for one row: the dimension of the rows, if the value has one, counts as 1.
struct row_shape {
  std::size_t rank = 0;
  std::array<std::uint32_t, max_rank> dims{};
  std::size_t batch = max_rank; // axis of the rows; max_rank: none
  std::int64_t rows = 1;        // as the graph declares it; -1 where that is symbolic

  // Values in a row.
  constexpr std::uint64_t width() const noexcept {
    std::uint64_t product = 1;
    for (std::size_t i = 0; i < rank; ++i) product *= dims[i];
    return product;
  }
  constexpr bool has_batch() const noexcept { return batch != max_rank; }
  // May the axis vanish or be moved for any number of rows?
  constexpr bool is_one(std::size_t axis) const noexcept {
    return dims[axis] == 1 && (axis != batch || rows == 1);
  }
  // All values along this one axis?
  constexpr bool runs_along(std::size_t axis) const noexcept {
    return axis < rank && dims[axis] == width();
  }
  // Counted from the end where negative; `rank` where there is no such axis.
  constexpr std::size_t axis(std::int64_t a, std::size_t of_rank) const noexcept {
    const auto r = static_cast<std::int64_t>(of_rank);
    return a >= -r && a < r ? static_cast<std::size_t>(a < 0 ? a + r : a) : of_rank;
  }
  constexpr std::size_t axis(std::int64_t a) const noexcept { return axis(a, rank); }

  constexpr bool insert_axis(std::size_t at) noexcept {
    if (rank == max_rank || at > rank) return false;
    for (std::size_t i = rank; i > at; --i) dims[i] = dims[i - 1];
    dims[at] = 1;
    if (has_batch() && batch >= at) ++batch;
    ++rank;
    return true;
  }
  constexpr void remove_axis(std::size_t at) noexcept {
    for (std::size_t i = at; i + 1 < rank; ++i) dims[i] = dims[i + 1];
    if (has_batch()) batch = batch == at ? max_rank : batch > at ? batch - 1 : batch;
    --rank;
  }
};

// A small tensor of integers, of rank 0 or 1: a constant, or computed from shapes.
struct int_list {
  std::size_t count = 0;
  std::array<std::int32_t, max_rank> values{}; // larger ones cut off, as they mean the same
  std::size_t batch = max_rank;                // the one that is the number of rows; its value is 1
  bool is_scalar = false;
  std::uint8_t type = static_cast<std::uint8_t>(element::int64); // or int32, or as a Cast made it
  constexpr bool is(element wanted) const noexcept { return type == static_cast<unsigned>(wanted); }
};

// Does a constant of this shape leave a value of shape `x` as it is when they are combined: is it
// one value, or one for each of a row?
constexpr bool broadcasts_over(const row_shape& x, std::size_t rank, const std::uint32_t* dims,
                               std::uint64_t count) noexcept {
  if (rank > x.rank && !(count == 1 && rank == 1)) return false; // x would gain an axis
  if (count == 1) return true;
  if (count != x.width()) return false;
  for (std::size_t i = 0; i < rank; ++i)
    if (dims[rank - 1 - i] != x.dims[x.rank - 1 - i]) return false;
  return true;
}

} // namespace tinymlp::onnx::detail
