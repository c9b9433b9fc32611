#include "svm_engine.hpp"

#include <cmath>
#include <random>
#include <string>

namespace tinymlp::bench {

svm_engine::svm_engine() {
  std::minstd_rand random(1);
  const auto unit = [&random] { // the same on every standard library
    return static_cast<double>(random() - std::minstd_rand::min()) /
           static_cast<double>(std::minstd_rand::max() - std::minstd_rand::min());
  };
  constexpr int width = features + 1; // and an end mark
  nodes_.reserve(std::size_t{support_vectors} * width);
  for (int v = 0; v < support_vectors; ++v) {
    vectors_.push_back(nodes_.data() + std::ptrdiff_t{v} * width);
    for (int f = 0; f < features; ++f) nodes_.push_back({f + 1, unit()});
    nodes_.push_back({-1, 0});
    coefficients_.push_back(8 * unit() - 4);
  }
  coefficient_rows_[0] = coefficients_.data();
  rho_[0] = -1.5;
  model_.param.svm_type = NU_SVR;
  model_.param.kernel_type = RBF;
  model_.param.gamma = 0.04;
  model_.nr_class = 2;
  model_.l = support_vectors;
  model_.SV = vectors_.data();
  model_.sv_coef = coefficient_rows_;
  model_.rho = rho_;
}

float svm_engine::row(const float* row) const {
  svm_node x[features + 1];
  for (int f = 0; f < features; ++f) x[f] = {f + 1, static_cast<double>(row[f])};
  x[features].index = -1;
  return static_cast<float>(svm_predict(&model_, x));
}

void svm_engine::rows(const float* rows, std::size_t count, float* scores) const {
  for (std::size_t r = 0; r < count; ++r) scores[r] = row(rows + r * features);
}

double svm_engine::expected(const float* row) const {
  double sum = -rho_[0];
  for (std::size_t v = 0; v < support_vectors; ++v) {
    double distance = 0;
    for (int f = 0; f < features; ++f)
      distance += std::pow(vectors_[v][f].value - static_cast<double>(row[f]), 2);
    sum += coefficients_[v] * std::exp(-model_.param.gamma * distance);
  }
  return sum;
}

std::string_view svm_engine::version() {
  static const std::string text =
      std::to_string(libsvm_version / 100) + "." + std::to_string(libsvm_version % 100);
  return text;
}

} // namespace tinymlp::bench
