// FFmpeg's libraries, and the words for what goes wrong in them.
#pragma once

#include <string>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

namespace tinymlp::player {

// From now on FFmpeg's libraries print nothing: their latest error is kept for latest_reason().
void keep_ffmpeg_messages();
// What a call that returned `code` says of it, with what was logged since the last time it was
// asked.
std::string latest_reason(int code);
// Whether an error was logged since then.
bool has_reasons();
// Forgets what was logged.
void forget_reasons();

} // namespace tinymlp::player
