// The shipped networks by Eigen's fixed-size matrices.
#pragma once

#include <cstddef>
#include <string_view>

namespace tinymlp::bench::eigen {

std::string_view version();

// 6 features -> score
float mlp_small_row(const float* features);
float mlp_medium_row(const float* features);
float mlp_large_row(const float* features);

// row-major [count, 6] -> scores [count]
void mlp_small_rows(const float* features, std::size_t count, float* scores);
void mlp_medium_rows(const float* features, std::size_t count, float* scores);
void mlp_large_rows(const float* features, std::size_t count, float* scores);

} // namespace tinymlp::bench::eigen
