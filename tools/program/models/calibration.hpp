// Which values a network's activations take over rows of features: what fixed activation scales
// are made from.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <tinymlp/kernels/steps_reference.hpp>
#include <tinymlp/static_quantized.hpp>

#include "system/byte_source.hpp"
#include "onnx/onnx_file.hpp"

namespace tinymlp::tools {

// How a range is chosen from the values of a layer's inputs. A wide one spares those at its ends
// from saturating, a narrow one has finer steps.
enum class calibration_method : std::uint8_t {
  minmax,     // all values: none of the rows saturates
  percentile, // all but the least and the greatest few
  mse,        // the least mean squared error of the quantised values
};
inline constexpr std::array<std::string_view, 3> calibration_methods{"minmax", "percentile", "mse"};

// Runs a float32 network over rows, one at a time, in constant memory: minima and maxima, and but
// for minmax a histogram of each layer's inputs in bins 0.2 % wide (2 MiB a layer). The same rows
// give the same ranges on every machine.
class calibration {
public:
  // Views the plan. Throws failure, without the file's name, for a plan that is int8.
  calibration(const onnx::plan& plan, calibration_method method);

  // A row of plan.inputs finite values. Throws failure, without the row's name, for one that
  // overflows on its way.
  void add(std::span<const float> row);
  std::uint64_t rows() const noexcept { return rows_; }

  // Of each dense layer's inputs; at least one row must have been added. `percent`:
  // with percentile, the share of values that the range shall not cut off at its upper end, and
  // likewise at its lower.
  std::vector<activation_range> ranges(double percent) const;

private:
  // A step that is computed as the file has it, none folded into another.
  struct stage {
    kernels::step step;
    std::vector<float> constants;    // its own; of a dense step, of its activation
    std::vector<float> weight, bias; // dense: [inputs, outputs], [outputs]
  };
  void add_stages(const onnx::plan& plan, const onnx::step& from);
  void run(const stage& at);
  struct seen {
    activation_range extremes;        // widened to include 0
    std::vector<std::uint64_t> count; // by bin
  };
  void take(seen& to, std::span<const float> values) const;

  calibration_method method_;
  std::vector<stage> stages_;
  std::vector<seen> seen_; // of each layer's inputs
  std::uint64_t rows_ = 0;
  std::vector<float> x_, y_;
};

// Adds all rows of a log or CSV. For six features and one output, as `tinymlp score` reads them;
// for other networks, a CSV as `tinymlp run` reads it. Throws failure, naming source and row, for
// what cannot be read, for rows that are not finite, and where there are none.
void add_rows(byte_source& source, const onnx::plan& plan, calibration& to);

} // namespace tinymlp::tools
