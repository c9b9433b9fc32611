// libsvm's predictor with a model of vmaf_v0.6.1's size: what a VMAF score costs today.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include <libsvm/svm.h>

namespace tinymlp::bench {

// A nu-SVR with an RBF kernel: 211 support vectors of 6 features. The vectors are pseudo-random:
// the time depends on their number only, and the score is not a VMAF score.
class svm_engine {
public:
  static constexpr int support_vectors = 211;
  static constexpr int features = 6;

  svm_engine();
  svm_engine(const svm_engine&) = delete;
  svm_engine& operator=(const svm_engine&) = delete;

  // 6 features -> score, by svm_predict.
  float row(const float* features) const;
  // row-major [count, 6] -> scores [count]
  void rows(const float* features, std::size_t count, float* scores) const;

  // The same sum written out in double precision, to check the model with.
  double expected(const float* features) const;

  static std::string_view version();

private:
  std::vector<svm_node> nodes_;
  std::vector<svm_node*> vectors_;
  std::vector<double> coefficients_;
  double* coefficient_rows_[1] = {};
  double rho_[1] = {};
  svm_model model_{};
};

} // namespace tinymlp::bench
