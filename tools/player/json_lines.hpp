// What is played as JSON lines: an object a frame, then one of all of them.
#pragma once

#include <string>

#include "playback.hpp"
#include "system/json.hpp"

namespace tinymlp::player {

// Scores and features as doubles that read back as the float32 they are; what is not finite is
// null.
tools::json frame_json(const played_frame& frame);
// `ended`: why it ended before the clip did; empty for all of it.
tools::json summary_json(const playback& played, const std::string& distorted,
                         const tools::model& network, const std::string& ended);
// On one line.
std::string json_line(const tools::json& value);

} // namespace tinymlp::player
