#include "eigen_engine.hpp"

#include <algorithm>

#include <Eigen/Core>

#include "plain_weights.h"

namespace tinymlp::bench::eigen {

namespace {

template <int Rows, int Columns> using matrix = Eigen::Matrix<float, Rows, Columns>;

// Weights [input][output], row-major, are what Eigen calls [output x input], column-major.
template <int Inputs, int Outputs> struct dense {
  const float *weight, *bias;

  // x [Inputs x Columns] -> [Outputs x Columns]
  template <int Columns>
  matrix<Outputs, Columns> operator()(const matrix<Inputs, Columns>& x) const {
    const Eigen::Map<const matrix<Outputs, Inputs>> w(weight);
    const Eigen::Map<const matrix<Outputs, 1>> b(bias);
    matrix<Outputs, Columns> y;
    y.noalias() = w * x;
    y.colwise() += b;
    return y;
  }
};

template <class Matrix> Matrix relu(const Matrix& x) { return x.cwiseMax(0.0F); }

template <int Columns>
matrix<6, Columns> scale(const float* features, const float* mean, const float* std) {
  const Eigen::Map<const matrix<6, Columns>> x(features);
  const Eigen::Map<const matrix<6, 1>> m(mean), s(std);
  return (x.colwise() - m).array().colwise() / s.array();
}

struct mlp_small {
  template <int Columns> static matrix<1, Columns> score(const float* features) {
    constexpr dense<6, 16> first{mlp_small_weight0, mlp_small_bias0};
    constexpr dense<16, 8> second{mlp_small_weight1, mlp_small_bias1};
    constexpr dense<8, 1> last{mlp_small_weight2, mlp_small_bias2};
    const auto x = scale<Columns>(features, mlp_small_mean0, mlp_small_std0);
    return last(relu(second(relu(first(x)))));
  }
};

struct mlp_medium {
  template <int Columns> static matrix<1, Columns> score(const float* features) {
    constexpr dense<6, 32> first{mlp_medium_weight0, mlp_medium_bias0};
    constexpr dense<32, 16> second{mlp_medium_weight1, mlp_medium_bias1};
    constexpr dense<16, 1> last{mlp_medium_weight2, mlp_medium_bias2};
    const auto x = scale<Columns>(features, mlp_medium_mean0, mlp_medium_std0);
    return last(relu(second(relu(first(x)))));
  }
};

struct mlp_large {
  template <int Columns> static matrix<1, Columns> score(const float* features) {
    constexpr dense<6, 64> first{mlp_large_weight0, mlp_large_bias0};
    constexpr dense<64, 32> second{mlp_large_weight1, mlp_large_bias1};
    constexpr dense<32, 16> third{mlp_large_weight2, mlp_large_bias2};
    constexpr dense<16, 1> last{mlp_large_weight3, mlp_large_bias3};
    const auto x = scale<Columns>(features, mlp_large_mean0, mlp_large_std0);
    return last(relu(third(relu(second(relu(first(x)))))));
  }
};

// Blocks keep the activations in the first-level cache; what remains goes row by row.
template <class Network> void score_rows(const float* features, std::size_t count, float* scores) {
  constexpr int block = 64;
  std::size_t r = 0;
  for (; r + block <= count; r += block) {
    const auto y = Network::template score<block>(features + 6 * r);
    std::copy_n(y.data(), block, scores + r);
  }
  for (; r < count; ++r) scores[r] = Network::template score<1>(features + 6 * r)(0);
}

} // namespace

std::string_view version() {
#define TINYMLP_TEXT_(x) #x
#define TINYMLP_TEXT(x) TINYMLP_TEXT_(x)
  return TINYMLP_TEXT(EIGEN_WORLD_VERSION) "." TINYMLP_TEXT(EIGEN_MAJOR_VERSION) "." TINYMLP_TEXT(
      EIGEN_MINOR_VERSION);
#undef TINYMLP_TEXT
#undef TINYMLP_TEXT_
}

float mlp_small_row(const float* features) { return mlp_small::score<1>(features)(0); }
float mlp_medium_row(const float* features) { return mlp_medium::score<1>(features)(0); }
float mlp_large_row(const float* features) { return mlp_large::score<1>(features)(0); }

void mlp_small_rows(const float* features, std::size_t count, float* scores) {
  score_rows<mlp_small>(features, count, scores);
}
void mlp_medium_rows(const float* features, std::size_t count, float* scores) {
  score_rows<mlp_medium>(features, count, scores);
}
void mlp_large_rows(const float* features, std::size_t count, float* scores) {
  score_rows<mlp_large>(features, count, scores);
}

} // namespace tinymlp::bench::eigen
