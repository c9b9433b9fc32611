// Every engine that is measured computes the same function. ONNX Runtime, Eigen and the plain loops
// share no code with tinymlp, so that each checks it, and each other.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "fma_peak.hpp"
#include "rows.hpp"
#include "subjects.hpp"

namespace {

using namespace tinymlp;
using namespace tinymlp::bench;

constexpr std::size_t count = 517; // blocks of every engine, and a tail

// What the row scores by tinymlp's definition of the network and precision.
float expected(const label& what, const float* row) {
  const std::span<const float, row_width> features(row, row_width);
  const auto by = [&](const auto& net) { return *net.score(features, isa::reference); };
#ifdef TINYMLP_INT8_DIR
  if (what.precision == "int8_static") {
    if (what.network == "mlp_small") return by(static_int8<mlp_small_static_int8>(what.network));
    if (what.network == "mlp_medium") return by(static_int8<mlp_medium_static_int8>(what.network));
    REQUIRE(what.network == "mlp_large");
    return by(static_int8<mlp_large_static_int8>(what.network));
  }
#endif
  const bool int8 = what.precision == "int8";
  if (what.network == "mlp_small") return int8 ? by(vmaf::small_int8()) : by(vmaf::small());
  if (what.network == "mlp_medium") return int8 ? by(vmaf::medium_int8()) : by(vmaf::medium());
  REQUIRE(what.network == "mlp_large");
  return int8 ? by(vmaf::large_int8()) : by(vmaf::large());
}

// In VMAF points. Orders of summation differ, and -ffast-math may divide by multiplying: that moves
// an int8 activation across a rounding boundary now and then, one step of 255.
double tolerance(const label& what) {
  if (what.engine == "tinymlp" || what.engine == "tinymlp-pinned") return 0;
  if (what.precision == "fp32") return 1e-3;
  if (what.precision == "int8_static") return 0; // ONNX Runtime rounds as tinymlp does
  return what.engine == "onnxruntime" ? 1e-4 : 1.0;
}

// ONNX Runtime's int8 quantises a whole batch with one scale; tinymlp each row by itself.
bool rows_depend_on_batch(const label& what) {
  return what.engine == "onnxruntime" && what.precision == "int8";
}

template <class Engine> std::vector<float> batch_scores(const Engine& engine, const float* rows) {
  std::vector<float> scores(count, -1.0F);
  engine.prepare(rows, count, scores.data())();
  return scores;
}

template <class Engine, class Expected>
void check_rows(const Engine& engine, double allowed, const Expected& wanted) {
  const float* rows = rows_to_score(count).data();
  for (std::size_t r = 0; r < count; ++r) {
    CAPTURE(r);
    const float* row = rows + r * row_width;
    REQUIRE(std::fabs(engine.row(row) - wanted(row)) <= allowed);
  }
}

template <class Engine, class Expected>
void check_batch(const Engine& engine, double allowed, const Expected& wanted) {
  const float* rows = rows_to_score(count).data();
  const std::vector<float> scores = batch_scores(engine, rows);
  for (std::size_t r = 0; r < count; ++r) {
    CAPTURE(r);
    REQUIRE(std::fabs(scores[r] - wanted(rows + r * row_width)) <= allowed);
  }
}

// A batch of one row many times has that row's scale.
template <class Engine, class Expected>
void check_uniform_batch(const Engine& engine, double allowed, const Expected& wanted) {
  const float* rows = rows_to_score(count).data();
  for (const std::size_t r : {std::size_t{0}, count / 2, count - 1}) {
    const float* row = rows + r * row_width;
    std::vector<float> same;
    for (std::size_t i = 0; i < count; ++i) same.insert(same.end(), row, row + row_width);
    for (const float score : batch_scores(engine, same.data()))
      REQUIRE(std::fabs(score - wanted(row)) <= allowed);
  }
}

} // namespace

TEST_CASE("every engine gives tinymlp's scores") {
  int engines = 0;
  for_each_subject([&](const label& what, const auto& engine) {
    if (what.engine == "svm") return;
    ++engines;
    CAPTURE(what.text());
    const auto wanted = [&](const float* row) { return static_cast<double>(expected(what, row)); };
    check_rows(engine, tolerance(what), wanted);
    if (rows_depend_on_batch(what))
      check_uniform_batch(engine, tolerance(what), wanted);
    else
      check_batch(engine, tolerance(what), wanted);
  });
  CHECK(engines >= 24); // 3 networks: tinymlp reference and auto x 2 precisions, loops x 3, Eigen
}

#if TINYMLP_BENCH_SVM
TEST_CASE("the support vector machine is the sum it claims to be") {
  const svm_engine svm;
  const auto wanted = [&](const float* row) { return svm.expected(row); };
  check_rows(svm_subject{svm}, 1e-3, wanted);
  check_batch(svm_subject{svm}, 1e-3, wanted);
}
#endif

TEST_CASE("the multiply-adds of the networks are those of their shapes") {
  CHECK(macs_of<mlp_small>() == 232);
  CHECK(macs_of<mlp_medium>() == 720);
  CHECK(macs_of<mlp_large>() == 2960);
}

TEST_CASE("the limit's chains compute finite numbers") {
  for (const fma_limit& limit : fma_limits()) {
    CAPTURE(limit.isa);
    const float sum = limit.run(1'000'000);
    CHECK(std::isfinite(sum));
    CHECK(sum > 0);
    CHECK(limit.flops_per_step > 0);
  }
}
