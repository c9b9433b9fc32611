// Whether the pictures of two files can be compared one by one, and what to do where they cannot.
#pragma once

#include <cstdint>

#include "luma.hpp"
#include "video.hpp"

namespace tinymlp::player {

struct pairing_options {
  bool scale = false;     // the distorted picture to the size of the reference
  bool by_number = false; // whatever the rates and times of the files
  bool shortest = false;  // the end of one file is the end of both
};

class pairing {
public:
  // Throws failure where the files show different numbers of pictures a second.
  pairing(const video& reference, const video& distorted, const pairing_options& options);

  // Throws failure for the pictures that both files are at: they differ in size or in time, or
  // one is not as large as the first of its file.
  void check(const AVFrame& reference, const AVFrame& distorted);
  // Throws failure where only one file has ended. Null for a file without more pictures.
  void check_end(const AVFrame* reference, const AVFrame* distorted) const;

  // How the luma of all pictures is compared; known once the first were checked.
  const luma_form& form() const noexcept { return form_; }

private:
  void check_sizes(const AVFrame& reference, const AVFrame& distorted);
  void check_times() const;

  const video &reference_, &distorted_;
  pairing_options options_;
  luma_form form_;
  int distorted_width_ = 0, distorted_height_ = 0;
  bool has_first_ = false;
};

} // namespace tinymlp::player
