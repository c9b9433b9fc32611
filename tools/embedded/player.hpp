// What a player on a small CPU has to write: one frame in, one score out. No heap, no file, no
// thread.
#pragma once

#include <tinymlp.hpp>

// Clipped to 0..100 as libvmaf's scores are. Some 400 bytes of stack.
inline float score_of(const tinymlp::vmaf::features& frame) noexcept {
  return tinymlp::vmaf::clip(tinymlp::vmaf::small().score(frame));
}

// Frames of a real clip (model/samples/vtest_x264_36.csv), and one with a feature that is missing.
inline constexpr tinymlp::vmaf::features frames[] = {
    {0.956559F, 0.402946F, 0.834500F, 0.915718F, 0.951240F, 0.000000F},
    {0.953480F, 0.400251F, 0.828700F, 0.911093F, 0.947940F, 0.531421F},
    {0.934012F, 0.371100F, 0.803114F, 0.893521F, 0.935077F, 4.250000F},
    {.adm2 = 0.9F},
};
