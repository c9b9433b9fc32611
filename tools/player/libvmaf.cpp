#include "libvmaf.hpp"

#include "system/failure.hpp"

namespace tinymlp::player {

using tools::fail;
using tools::system_message;

namespace {

// libvmaf's calls return 0, or an error number below it.
void check(int code, std::string_view what) {
  if (code != 0) fail("libvmaf {}: cannot {}: {}", vmaf_version(), what, system_message(-code));
}

} // namespace

vmaf_picture::vmaf_picture(const luma_form& form) {
  // Luma alone: no extractor of the six features looks at chroma.
  const int code =
      vmaf_picture_alloc(&picture_, VMAF_PIX_FMT_YUV400P, static_cast<unsigned>(form.depth),
                         static_cast<unsigned>(form.width), static_cast<unsigned>(form.height));
  if (code != 0) throw std::bad_alloc();
}

vmaf_picture::~vmaf_picture() {
  if (picture_.ref != nullptr) vmaf_picture_unref(&picture_);
}

feature_extractors::feature_extractors() {
  // Without threads of its own, features are there when read() returns.
  VmafContext* context = nullptr;
  check(
      vmaf_init(&context,
                {.log_level = VMAF_LOG_LEVEL_NONE, .n_threads = 0, .n_subsample = 0, .cpumask = 0}),
      "start");
  context_.reset(context);
  for (const char* name : {"adm", "vif", "motion"})
    check(vmaf_use_feature(context, name, nullptr), fmt::format("extract {}", name));
}

void feature_extractors::read(vmaf_picture& reference, vmaf_picture& distorted, unsigned number) {
  check(vmaf_read_pictures(context_.get(), &reference.picture_, &distorted.picture_, number),
        fmt::format("extract features of frame {}", number));
}

float feature_extractors::feature(const char* name, unsigned number) const {
  double value = 0;
  check(vmaf_feature_score_at_index(context_.get(), name, &value, number),
        fmt::format("tell {} of frame {}", name, number));
  return static_cast<float>(value);
}

spatial_features feature_extractors::features(unsigned number) const {
  return {feature("VMAF_integer_feature_adm2_score", number),
          {feature("VMAF_integer_feature_vif_scale0_score", number),
           feature("VMAF_integer_feature_vif_scale1_score", number),
           feature("VMAF_integer_feature_vif_scale2_score", number),
           feature("VMAF_integer_feature_vif_scale3_score", number)},
          feature("VMAF_integer_feature_motion_score", number)};
}

void feature_extractors::flush() {
  check(vmaf_read_pictures(context_.get(), nullptr, nullptr, 0), "end the stream");
}

void feature_extractors::load_predictor(const std::string& model) {
  VmafModelConfig config{.name = "vmaf", .flags = VMAF_MODEL_FLAGS_DEFAULT};
  VmafModel* loaded = nullptr;
  check(vmaf_model_load(&loaded, &config, model.c_str()), fmt::format("load its model {}", model));
  model_.reset(loaded);
}

double feature_extractors::predict(unsigned number) {
  double score = 0;
  check(vmaf_score_at_index(context_.get(), model_.get(), &score, number),
        fmt::format("predict the score of frame {}", number));
  return score;
}

} // namespace tinymlp::player
