#include "pairing.hpp"

#include <algorithm>
#include <cmath>

#include "system/failure.hpp"

namespace tinymlp::player {

using tools::fail;

namespace {

// libvmaf halves a picture four times, and its filters mirror what lies beyond the border.
constexpr int smallest_side = 32;
constexpr double shortest_of_unknown_rate_s = 0.02;

double seconds_a_picture(const video& file) {
  return file.rate() > 0 ? 1 / file.rate() : shortest_of_unknown_rate_s;
}

} // namespace

pairing::pairing(const video& reference, const video& distorted, const pairing_options& options)
    : reference_(reference), distorted_(distorted), options_(options) {
  const bool known = reference.has_constant_rate() && distorted.has_constant_rate();
  if (!known || options.by_number) return; // their times tell
  if (std::fabs(distorted.rate() / reference.rate() - 1) > same_rate)
    fail("{}: has {:.6g} pictures a second, where {} has {:.6g}: bring them to one rate (ffmpeg -i "
         "... -vf fps={:.6g}), or compare them by their numbers alone (--by-number)",
         distorted.name(), distorted.rate(), reference.name(), reference.rate(), reference.rate());
}

void pairing::check(const AVFrame& reference, const AVFrame& distorted) {
  check_sizes(reference, distorted);
  if (!options_.by_number) check_times();
}

void pairing::check_sizes(const AVFrame& reference, const AVFrame& distorted) {
  if (!has_first_) {
    has_first_ = true;
    form_ = form_of(reference);
    form_.depth = std::max(form_.depth, form_of(distorted).depth);
    distorted_width_ = distorted.width;
    distorted_height_ = distorted.height;
    if (std::min(form_.width, form_.height) < smallest_side)
      fail("{}: pictures of {}x{} are too small for libvmaf's features: {} on each side are needed",
           reference_.name(), form_.width, form_.height, smallest_side);
  }
  const auto changed = [](const video& file, const AVFrame& now, int width, int height) {
    fail("{}: picture {} is {}x{}, the ones before it {}x{}: score each part by itself",
         file.name(), file.pictures() - 1, now.width, now.height, width, height);
  };
  if (reference.width != form_.width || reference.height != form_.height)
    changed(reference_, reference, form_.width, form_.height);
  if (options_.scale) return;
  if (distorted.width != distorted_width_ || distorted.height != distorted_height_)
    changed(distorted_, distorted, distorted_width_, distorted_height_);
  if (distorted_width_ != form_.width || distorted_height_ != form_.height)
    fail(
        "{}: is {}x{}, where {} is {}x{}: scale one first (ffmpeg -i ... -vf scale={}:{}), or have "
        "the distorted one scaled (--scale)",
        distorted_.name(), distorted_width_, distorted_height_, reference_.name(), form_.width,
        form_.height, form_.width, form_.height);
}

// Pictures that belong together are shown at one time, but for what containers round away.
void pairing::check_times() const {
  const double apart = std::fabs(distorted_.time() - reference_.time());
  const double allowed = std::min(seconds_a_picture(reference_), seconds_a_picture(distorted_)) / 2;
  if (!(apart > allowed)) return; // nor where a file does not tell
  fail("{}: shows picture {} at {:.3f} s, {} at {:.3f} s: pictures are missing or repeated; bring "
       "both to one constant rate (ffmpeg -i ... -vf fps=...), or compare them by their numbers "
       "alone (--by-number)",
       distorted_.name(), distorted_.pictures() - 1, distorted_.time(), reference_.name(),
       reference_.time());
}

void pairing::check_end(const AVFrame* reference, const AVFrame* distorted) const {
  if (options_.shortest || (reference == nullptr) == (distorted == nullptr)) return;
  const video& ended = reference == nullptr ? reference_ : distorted_;
  const video& other = reference == nullptr ? distorted_ : reference_;
  fail("{}: ends after {} picture{}, while {} goes on: it is cut off, or another clip; --shortest "
       "takes that for the end of both",
       ended.name(), ended.pictures(), ended.pictures() == 1 ? "" : "s", other.name());
}

} // namespace tinymlp::player
