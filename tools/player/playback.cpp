#include "playback.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <exception>

#include "system/failure.hpp"
#include "system/interrupts.hpp"

namespace tinymlp::player {

using tools::fail;

namespace {

using clock = std::chrono::steady_clock;

double ns_between(clock::time_point start, clock::time_point stop) {
  return std::chrono::duration<double, std::nano>(stop - start).count();
}

// The time of one call, less that of none, both read here and now.
template <class Call> double ns_of(Call&& call) {
  const clock::time_point before = clock::now();
  const clock::time_point start = clock::now();
  call();
  const clock::time_point stop = clock::now();
  return std::max(0.0, ns_between(start, stop) - ns_between(before, start));
}

} // namespace

frame_time& frame_time::operator+=(const frame_time& other) noexcept {
  decode_ns += other.decode_ns;
  features_ns += other.features_ns;
  fetch_ns += other.fetch_ns;
  scoring_ns += other.scoring_ns;
  predict_ns += other.predict_ns;
  return *this;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

playback::playback(const std::string& reference, const std::string& distorted,
                   const tools::model& network, const pairing_options& options, bool compare,
                   frame_sink& sink)
    : network_(network), compare_(compare), sink_(sink), reference_(reference),
      distorted_(distorted), pairing_(reference_, distorted_, options),
      region_(network.description()) {
  if (compare_) extractors_.load_predictor(network_.description().predicts);
}

void playback::play() {
  std::exception_ptr why;
  try {
    play_pairs();
  } catch (const tools::failure&) {
    why = std::current_exception();
  }
  // What was extracted is scored, whatever ended it: the last frame has only its own motion then,
  // as the last of a clip.
  if (extracted_ > 0) {
    extractors_.flush();
    complete(motion2_.flush());
  }
  if (why) std::rethrow_exception(why);
}

void playback::play_pairs() {
  while (tools::interrupts::pending() == 0) {
    const AVFrame *reference = nullptr, *distorted = nullptr;
    latest_ = {};
    latest_.time.decode_ns = ns_of([&] {
      reference = reference_.next();
      distorted = distorted_.next();
    });
    if (reference == nullptr || distorted == nullptr) {
      pairing_.check_end(reference, distorted);
      if (extracted_ == 0) fail("{}: has no pictures", reference_.name());
      return;
    }
    pairing_.check(*reference, *distorted);
    latest_.number = extracted_;
    latest_.at_s = reference_.time();
    latest_.time.features_ns = ns_of([&] { extract(*reference, *distorted); });
    ++extracted_;
    float motion = 0;
    latest_.time.fetch_ns = ns_of([&] { motion = fetch(); });
    complete(motion2_.push(motion));
    waiting_ = latest_;
  }
}

void playback::extract(const AVFrame& reference, const AVFrame& distorted) {
  if (!reference_luma_) {
    reference_luma_.emplace(form());
    distorted_luma_.emplace(form());
    note_conversion(reference_, reference, *reference_luma_);
    note_conversion(distorted_, distorted, *distorted_luma_);
  }
  vmaf_picture a(form()), b(form());
  reference_luma_->write(reference, a.data(), a.stride());
  distorted_luma_->write(distorted, b.data(), b.stride());
  extractors_.read(a, b, extracted_);
}

void playback::note_conversion(const video& file, const AVFrame& picture,
                               const luma_writer& writer) const {
  const luma_form from = form_of(picture);
  if (writer.copies(picture)) {
    if (from.depth != form().depth)
      sink_.note(
          fmt::format("{}: its {} bits are compared as {}", file.name(), from.depth, form().depth));
    return;
  }
  const char* name = av_get_pix_fmt_name(static_cast<AVPixelFormat>(picture.format));
  sink_.note(fmt::format("{}: {}x{} {}{} is converted to {}x{} of {} bits{}", file.name(),
                         from.width, from.height, name, from.full_range ? " of full range" : "",
                         form().width, form().height, form().depth,
                         form().full_range ? " and full range" : ""));
}

// The latest pair's features into its frame; returns its motion.
float playback::fetch() {
  const spatial_features found = extractors_.features(extracted_ - 1);
  latest_.features = {.adm2 = found.adm2,
                      .vif_scale0 = found.vif[0],
                      .vif_scale1 = found.vif[1],
                      .vif_scale2 = found.vif[2],
                      .vif_scale3 = found.vif[3]};
  return found.motion;
}

// The frame that waited has all its features.
void playback::complete(std::optional<float> motion2) {
  if (!motion2) return; // there was none
  waiting_.features.motion2 = *motion2;
  // Who comes second finds the features, and libvmaf's code, in the caches: they take turns.
  const bool own_first = waiting_.number % 2 != 0;
  if (compare_ && own_first) predict(waiting_);
  score(waiting_);
  if (compare_ && !own_first) predict(waiting_);
  emit(waiting_);
}

void playback::score(played_frame& frame) {
  const std::array<float, 6> row = frame.features.row();
  float score = 0;
  frame.time.scoring_ns = ns_of([&] { score = network_.score_row(row.data()); });
  frame.score = vmaf::clip(score);
}

void playback::predict(played_frame& frame) {
  double own = 0;
  frame.time.predict_ns =
      ns_of([&] { own = extractors_.predict(static_cast<unsigned>(frame.number)); });
  frame.own = own;
}

void playback::emit(const played_frame& frame) {
  const auto score = static_cast<double>(frame.score);
  ++summary_.frames;
  summary_.not_finite += std::isfinite(score) ? 0 : 1;
  summary_.score.add(score);
  summary_.time += frame.time;
  if (frame.own) {
    const double difference = score - *frame.own;
    summary_.own.add(*frame.own);
    summary_.agreement.add(score, *frame.own);
    summary_.ours_ns.push_back(frame.time.fetch_ns + frame.time.scoring_ns);
    summary_.own_ns.push_back(frame.time.predict_ns);
    if (std::isfinite(difference)) summary_.difference_sum += difference;
    if (std::fabs(difference) > std::fabs(summary_.worst)) {
      summary_.worst = difference;
      summary_.worst_frame = frame.number;
    }
  }
  region_.check({.frame = frame.number, .features = frame.features.row()});
  played_frame shown = frame;
  shown.mean = summary_.score.mean();
  sink_.frame(shown);
}

void playback::report_warnings() const { region_.report(distorted_.name(), summary_.frames); }

} // namespace tinymlp::player
