// The luma of decoded pictures, brought to one size, depth and range: all that the six features of
// VMAF look at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "ffmpeg.hpp"

namespace tinymlp::player {

// What the samples of a picture are.
struct luma_form {
  int width = 0, height = 0;
  int depth = 8;           // bits of a sample; one byte up to 8, else two in the machine's order
  bool full_range = false; // 0 to 255 and not 16 to 235, or the same at another depth
};

// Of a picture as it is. What has no luma (RGB) counts as the limited range that it is converted
// to.
luma_form form_of(const AVFrame& picture);

// Writes luma in one form.
class luma_writer {
public:
  explicit luma_writer(const luma_form& to) : to_(to) {}

  // Whether the samples of that picture are copied, at most shifted, and not converted.
  bool copies(const AVFrame& picture) const;
  // Rows of `stride` bytes. What is not copied is converted and scaled (bicubic) by libswscale.
  // Throws failure where that does not know the picture's format.
  void write(const AVFrame& picture, void* to, std::ptrdiff_t stride);

private:
  void convert(const AVFrame& picture, void* to, std::ptrdiff_t stride);
  void prepare(const AVFrame& picture, AVPixelFormat form);

  struct free_scaler {
    void operator()(SwsContext* scaler) const noexcept { sws_freeContext(scaler); }
  };
  struct free_frame {
    void operator()(AVFrame* frame) const noexcept { av_frame_free(&frame); }
  };

  luma_form to_;
  std::unique_ptr<SwsContext, free_scaler> scaler_;
  int from_width_ = 0, from_height_ = 0, from_format_ = -1; // that scaler_ is for
  std::unique_ptr<AVFrame, free_frame> converted_;
};

} // namespace tinymlp::player
