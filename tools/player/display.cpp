#include "display.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "system/terminal.hpp"

namespace tinymlp::player {

namespace {

constexpr std::chrono::milliseconds between_updates{100};

// 0.41 us, 12.3 ms
std::string time_text(double ns) {
  return ns < 1e6 ? fmt::format("{:.3g} us", ns / 1e3) : fmt::format("{:.3g} ms", ns / 1e6);
}

std::string frame_text(const played_frame& frame, double budget_ms) {
  const frame_time& t = frame.time;
  const std::string own = frame.own ? fmt::format(" (libvmaf {:.2f})", *frame.own) : "";
  return fmt::format(
      "frame {}: {:.2f}{}, mean {:.2f}; {}{}: decode {}, features {}, scoring {} ({:.2g} %)",
      frame.number, frame.score, own, frame.mean, time_text(t.total_ns()),
      budget_ms > 0 ? fmt::format(" of {:.3g} ms", budget_ms) : "", time_text(t.decode_ns),
      time_text(t.features_ns + t.fetch_ns), time_text(t.scoring_ns), 100 * t.scoring_share());
}

} // namespace

void display::frame(const played_frame& frame) {
  if (how_ == frames::none) return;
  const std::string text = frame_text(frame, budget_ms_);
  if (how_ == frames::lines) {
    out_.write(text + "\n");
    out_.flush();
    return;
  }
  const clock::time_point now = clock::now();
  if (now < next_) return;
  next_ = now + between_updates;
  const auto columns = static_cast<std::size_t>(tools::text_columns(STDOUT_FILENO));
  out_.write("\r\x1b[K" + text.substr(0, columns - 1));
  out_.flush();
  shown_ = true;
}

void display::clear() {
  if (shown_) out_.write("\r\x1b[K");
  shown_ = false;
  out_.flush();
}

void display::summary(const std::string& text) {
  clear();
  out_.write(text);
  out_.flush();
}

std::string summary_text(const playback& played, const std::string& distorted,
                         const tools::model& network) {
  const play_summary& s = played.summary();
  const luma_form& form = played.form();
  const auto frames = static_cast<double>(s.frames);
  const double total_ns = s.time.total_ns();
  const auto share = [&](std::string_view what, double ns) {
    return fmt::format("{} {} ({:.2g} %)", what, time_text(ns / frames), 100 * ns / total_ns);
  };
  std::string text = fmt::format(
      "frames     {} of {} against {}: {}x{}, {} bits\n"
      "score      mean {:.2f}, min {:.2f}, max {:.2f}, harmonic mean {:.2f}; {} for {}\n"
      "a frame    {}: {}, {}, {}\n",
      s.frames, distorted, played.reference().name(), form.width, form.height, form.depth,
      s.score.mean(), s.score.min(), s.score.max(), s.score.harmonic_mean(),
      network.description().name, network.description().predicts, time_text(total_ns / frames),
      share("decode", s.time.decode_ns), share("features", s.time.features_ns + s.time.fetch_ns),
      share("scoring", s.time.scoring_ns));
  if (s.own_ns.empty()) return text;
  const double ours = median(s.ours_ns), own = median(s.own_ns);
  text += fmt::format(
      "libvmaf    {}: mean {:.2f}; less that of libvmaf: mean {:+.2f}, RMSE {:.3f}, worst {:+.2f} "
      "(frame {})\n"
      "predictors median of a frame, with fetching its features: tinymlp {}, libvmaf's {}: "
      "{:.1f}x\n",
      network.description().predicts, s.own.mean(), s.mean_difference(), s.agreement.rmse(),
      s.worst, s.worst_frame, time_text(ours), time_text(own), own / ours);
  return text;
}

} // namespace tinymlp::player
