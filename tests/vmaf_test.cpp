// The VMAF layer: the canonical order, streaming motion2, the shipped networks.
#include "both_ways.hpp"

#include <tinymlp/tinymlp.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

namespace vmaf = tinymlp::vmaf;
using tinymlp::status, tinymlp::isa;

namespace {

// The named columns of a libvmaf CSV log.
std::vector<std::vector<float>> read_columns(const char* file,
                                             const std::vector<std::string>& names) {
  std::ifstream in(file);
  REQUIRE(in);
  auto split = [](const std::string& line) {
    std::vector<std::string> cells;
    for (std::size_t at = 0, end = 0; (end = line.find(',', at)) != std::string::npos; at = end + 1)
      cells.push_back(line.substr(at, end - at));
    return cells;
  };
  std::string line;
  std::getline(in, line);
  const std::vector<std::string> header = split(line);
  std::vector<std::vector<float>> columns(names.size());
  while (std::getline(in, line)) {
    const std::vector<std::string> cells = split(line);
    for (std::size_t n = 0; n < names.size(); ++n)
      for (std::size_t c = 0; c < header.size(); ++c)
        if (header[c] == names[n]) {
          float value = 0;
          std::from_chars(cells[c].data(), cells[c].data() + cells[c].size(), value);
          columns[n].push_back(value);
        }
  }
  return columns;
}

} // namespace

TEST_CASE("features list themselves in canonical-6 order") {
  constexpr vmaf::features f{
      .adm2 = 1, .vif_scale0 = 2, .vif_scale1 = 3, .vif_scale2 = 4, .vif_scale3 = 5, .motion2 = 6};
  CHECK_BOTH_WAYS(f.row() == std::array<float, 6>{1, 2, 3, 4, 5, 6});
  CHECK_BOTH_WAYS(vmaf::feature_names[5] == "motion2");
}

TEST_CASE("a forgotten feature gives NaN") {
  vmaf::features f{.adm2 = 1, .vif_scale0 = 1, .vif_scale1 = 1, .vif_scale2 = 1, .vif_scale3 = 1};
  CHECK(std::isnan(vmaf::small().score(f)));
  CHECK(std::isnan(vmaf::small_int8().score(f)));
  f.motion2 = 0;
  CHECK_FALSE(std::isnan(vmaf::small().score(f)));
}

TEST_CASE("the region in which the networks were verified") {
  constexpr vmaf::features good{.adm2 = 0.956559F,
                                .vif_scale0 = 0.402946F,
                                .vif_scale1 = 0.8345F,
                                .vif_scale2 = 0.915718F,
                                .vif_scale3 = 0.95124F,
                                .motion2 = 1};
  CHECK_BOTH_WAYS(vmaf::in_verified_region(good));
  CHECK_BOTH_WAYS(vmaf::in_verified_region({0, 0, 0, 0, 0, 0}));
  CHECK_BOTH_WAYS(vmaf::in_verified_region({1, 1, 1, 1, 1, 255})); // on the border
  CHECK_BOTH_WAYS(!vmaf::in_verified_region({1, 1, 1, 1, 1, 255.001F}));
  CHECK_BOTH_WAYS(!vmaf::in_verified_region({1, 1, 1, 1, 1, -0.001F}));
  CHECK_BOTH_WAYS(!vmaf::in_verified_region({}));
  CHECK_BOTH_WAYS(
      !vmaf::in_verified_region({1, 1, 1, 1, 1, std::numeric_limits<float>::infinity()}));
  for (std::size_t f = 0; f < 6; ++f) // each feature alone takes a frame out
    for (const float value : {-0.5F, 300.0F, std::numeric_limits<float>::infinity(),
                              std::numeric_limits<float>::quiet_NaN()}) {
      std::array<float, 6> row = good.row();
      row[f] = value;
      CHECK_FALSE(vmaf::in_verified_region(vmaf::features::from_row(row)));
    }
}

TEST_CASE("the phone model's score is libvmaf's polynomial") {
  CHECK_BOTH_WAYS(vmaf::phone(100) == 100);
  CHECK_BOTH_WAYS(vmaf::phone(-3) == 0);
  CHECK_BOTH_WAYS(vmaf::phone(150) == 100);
  CHECK(vmaf::phone(0) == doctest::Approx(1.70674692));
  CHECK(std::isnan(vmaf::phone(vmaf::features::unset)));
  for (int i = -200; i <= 1300; ++i) { // libvmaf transforms, then clips (predict.c)
    const double s = i / 10.0;
    const double p = 1.70674692 + 1.72643844 * s - 0.00705305 * s * s;
    const double expected = std::clamp(std::max(p, s), 0.0, 100.0);
    CHECK(std::fabs(static_cast<double>(vmaf::phone(static_cast<float>(s))) - expected) < 5e-5);
  }
}

TEST_CASE("features are scored like their row, on any instruction set") {
  const vmaf::features f{.adm2 = 0.9F,
                         .vif_scale0 = 0.5F,
                         .vif_scale1 = 0.7F,
                         .vif_scale2 = 0.8F,
                         .vif_scale3 = 0.9F,
                         .motion2 = 3};
  const float expected = vmaf::small().score(f.row());
  CHECK(vmaf::small().score(f) == expected);
  CHECK(vmaf::small().score<isa::reference>(f) == expected);
  for (std::size_t i = 0; i < tinymlp::isa_count; ++i) {
    const auto which = static_cast<isa>(i);
    const auto score = vmaf::small().score(f, which);
    CHECK(score.has_value() == tinymlp::supported(which));
    if (score) CHECK(*score == expected);
    if (!score) CHECK(score.error().code == status::isa_unsupported);
  }
}

TEST_CASE("streamed motion2 is what libvmaf wrote at flush") {
  const auto columns = read_columns("model/samples/vtest_x264_36.csv",
                                    {"VMAF_integer_feature_motion_sad_score", "integer_motion2"});
  REQUIRE(columns[0].size() == 48);
  vmaf::motion2_stream stream;
  std::vector<float> motion2;
  for (const float motion : columns[0])
    if (const auto m = stream.push(motion)) motion2.push_back(*m);
  if (const auto m = stream.flush()) motion2.push_back(*m);
  CHECK(motion2 == columns[1]);
  CHECK_FALSE(stream.flush().has_value());
}

TEST_CASE("motion2 of a frame beside one without motion is NaN") {
  vmaf::motion2_stream stream;
  CHECK_FALSE(stream.push(1).has_value());
  CHECK(std::isnan(stream.push(NAN).value()));
  CHECK(std::isnan(stream.push(2).value()));
  CHECK(stream.push(3) == 2);
  CHECK(stream.flush() == 3);
}

TEST_CASE("the shipped networks follow libvmaf's own score on a real log") {
  const auto log =
      read_columns("model/samples/vtest_x264_36.csv",
                   {"integer_adm2", "integer_vif_scale0", "integer_vif_scale1",
                    "integer_vif_scale2", "integer_vif_scale3", "integer_motion2", "vmaf"});
  for (std::size_t i = 0; i < log[6].size(); ++i) {
    const vmaf::features f{log[0][i], log[1][i], log[2][i], log[3][i], log[4][i], log[5][i]};
    CHECK(std::fabs(vmaf::small().score(f) - log[6][i]) < 2.0F);
    CHECK(std::fabs(vmaf::medium().score(f) - log[6][i]) < 2.0F);
    CHECK(std::fabs(vmaf::large().score(f) - log[6][i]) < 2.0F);
    CHECK(std::fabs(vmaf::large_int8().score(f) - log[6][i]) < 4.0F);
  }
}

TEST_CASE("the networks of the 4K model follow the scores that libvmaf's gave") {
  // Four frames of film, each worse in its own way, logged by libvmaf 2.3.0 with vmaf_4k_v0.6.1.
  const struct {
    vmaf::features frame;
    float score;
  } logged[] = {{{0.968727F, 0.700673F, 0.920785F, 0.958282F, 0.975944F, 2.433297F}, 93.354202F},
                {{0.807596F, 0.423120F, 0.597432F, 0.677502F, 0.748754F, 2.433297F}, 53.661291F},
                {{0.743225F, 0.414263F, 0.581059F, 0.670592F, 0.749264F, 2.433297F}, 44.399445F},
                {{0.733572F, 0.610374F, 0.792394F, 0.861374F, 0.917669F, 2.433297F}, 49.607178F}};
  for (const auto& [frame, score] : logged) {
    CHECK(std::fabs(vmaf::small_4k().score(frame) - score) < 2.0F);
    CHECK(std::fabs(vmaf::medium_4k().score(frame) - score) < 1.0F);
    CHECK(std::fabs(vmaf::large_4k().score(frame) - score) < 0.5F);
    CHECK(std::fabs(vmaf::small_4k_int8().score(frame) - score) < 4.0F);
    CHECK(std::fabs(vmaf::small().score(frame) - score) > 2.0F); // another model
  }
}

TEST_CASE("clip keeps NaN, and what lies within 0 to 100") {
  for (const float score : {0.0F, 0.001F, 42.5F, 99.999F, 100.0F})
    CHECK(vmaf::clip(score) == score);
  CHECK_BOTH_WAYS(vmaf::clip(101.0F) == 100.0F);
  CHECK_BOTH_WAYS(vmaf::clip(-0.5F) == 0.0F);
  CHECK(std::isnan(vmaf::clip(NAN)));
}
