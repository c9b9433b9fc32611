#include "json_lines.hpp"

#include <array>

#include "system/text.hpp"

namespace tinymlp::player {

using tools::json;

namespace {

json pooled_json(const tools::pooling& pooled) {
  return {{"mean", pooled.mean()},
          {"min", pooled.min()},
          {"max", pooled.max()},
          {"harmonic_mean", pooled.harmonic_mean()}};
}

// Of one frame, or the mean of `frames`.
json time_json(const frame_time& time, double frames, bool compared) {
  json ns{{"decode", time.decode_ns / frames},
          {"features", time.features_ns / frames},
          {"fetch", time.fetch_ns / frames},
          {"scoring", time.scoring_ns / frames}};
  if (compared) ns["libvmaf"] = time.predict_ns / frames;
  return ns;
}

} // namespace

json frame_json(const played_frame& frame) {
  json features = json::object();
  const std::array<float, 6> row = frame.features.row();
  for (std::size_t f = 0; f < row.size(); ++f)
    features[std::string(vmaf::feature_names[f])] = static_cast<double>(row[f]);
  json line{{"frame", frame.number},
            {"time_s", frame.at_s},
            {"score", static_cast<double>(frame.score)},
            {"mean", frame.mean}};
  if (frame.own) line["libvmaf"] = *frame.own;
  line["features"] = std::move(features);
  line["ns"] = time_json(frame.time, 1, frame.own.has_value());
  return line;
}

json summary_json(const playback& played, const std::string& distorted, const tools::model& network,
                  const std::string& ended) {
  const play_summary& s = played.summary();
  const bool compared = !s.own_ns.empty();
  json all{{"reference", tools::to_utf8(played.reference().name())},
           {"distorted", tools::to_utf8(distorted)},
           {"width", played.form().width},
           {"height", played.form().height},
           {"depth", played.form().depth},
           {"frames", s.frames},
           {"complete", ended.empty()},
           {"model", network.description().name},
           {"predicts", network.description().predicts},
           {"kernel", network.description().kernel},
           {"score", pooled_json(s.score)},
           {"ns", time_json(s.time, static_cast<double>(s.frames), compared)},
           {"scoring_share", s.time.scoring_share()}};
  if (!ended.empty()) all["ended"] = tools::to_utf8(ended);
  if (compared)
    all["libvmaf"] = {
        {"version", vmaf_version()},
        {"score", pooled_json(s.own)},
        {"mean_difference", s.mean_difference()},
        {"rmse", s.agreement.rmse()},
        {"worst_difference", s.worst},
        {"worst_frame", s.worst_frame},
        {"median_ns", {{"tinymlp", median(s.ours_ns)}, {"libvmaf", median(s.own_ns)}}}};
  return {{"summary", std::move(all)}};
}

std::string json_line(const json& value) { return value.dump() + "\n"; }

} // namespace tinymlp::player
