// libvmaf: the six features of a pair of pictures, and its own predictor to compare with.
#pragma once

#include <array>
#include <memory>
#include <string>

extern "C" {
#include <libvmaf/libvmaf.h>
}

#include "luma.hpp"

namespace tinymlp::player {

// Luma of a picture in libvmaf's memory.
class vmaf_picture {
public:
  explicit vmaf_picture(const luma_form& form);
  vmaf_picture(const vmaf_picture&) = delete;
  vmaf_picture& operator=(const vmaf_picture&) = delete;
  ~vmaf_picture();

  void* data() noexcept { return picture_.data[0]; }
  std::ptrdiff_t stride() const noexcept { return picture_.stride[0]; }

private:
  friend class feature_extractors;
  VmafPicture picture_{};
};

// What libvmaf knows of one picture when it has seen that one: motion, and not yet motion2.
struct spatial_features {
  float adm2 = 0;
  std::array<float, 4> vif{}; // scale 0 to 3
  float motion = 0;
};

// The extractors that vmaf_v0.6.1 has its features from: in integers, with their own defaults.
class feature_extractors {
public:
  feature_extractors();

  // Pictures in the order of display, numbered from 0. libvmaf takes both.
  void read(vmaf_picture& reference, vmaf_picture& distorted, unsigned number);
  // Of the picture read last.
  spatial_features features(unsigned number) const;
  // No pictures follow: only now has libvmaf all features of the last one.
  void flush();

  // Loads the predictor, by libvmaf's name for its model, "vmaf_v0.6.1".
  void load_predictor(const std::string& model);
  // Its score of a picture, clipped; of one whose successor has been read, or after flush().
  double predict(unsigned number);

private:
  float feature(const char* name, unsigned number) const;

  struct close {
    void operator()(VmafContext* context) const noexcept { vmaf_close(context); }
  };
  struct destroy {
    void operator()(VmafModel* model) const noexcept { vmaf_model_destroy(model); }
  };
  std::unique_ptr<VmafContext, close> context_;
  std::unique_ptr<VmafModel, destroy> model_;
};

} // namespace tinymlp::player
