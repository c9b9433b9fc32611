#include "ffmpeg.hpp"

#include <array>
#include <cstdarg>
#include <mutex>

#include "system/failure.hpp"
#include "system/text.hpp"

namespace tinymlp::player {

namespace {

// Decoders tell the reason of an error only through the log, which is one for the whole process.
std::mutex guard;
std::string logged;

void keep(void* context, int level, const char* format, std::va_list arguments) {
  if (level > AV_LOG_ERROR) return;
  std::array<char, 512> line{};
  int at_start_of_line = 0; // so that no context is printed before it
  av_log_format_line(context, level, format, arguments, line.data(), static_cast<int>(line.size()),
                     &at_start_of_line);
  std::string text(line.data());
  while (text.ends_with('\n') || text.ends_with(' ')) text.pop_back();
  const std::lock_guard lock(guard);
  if (logged.empty()) logged = std::move(text); // the first is the cause of those that follow
}

} // namespace

void keep_ffmpeg_messages() { av_log_set_callback(keep); }

void forget_reasons() {
  const std::lock_guard lock(guard);
  logged.clear();
}

bool has_reasons() {
  const std::lock_guard lock(guard);
  return !logged.empty();
}

std::string latest_reason(int code) {
  std::string text;
  std::array<char, AV_ERROR_MAX_STRING_SIZE> known{};
  if (code < 0 && av_strerror(code, known.data(), known.size()) == 0) text = known.data();
  const std::lock_guard lock(guard);
  if (!logged.empty())
    text += (text.empty() ? "" : ": ") + tools::printable(logged, known.size() * 4);
  logged.clear();
  return text.empty() ? "for no reason that FFmpeg tells" : text;
}

} // namespace tinymlp::player
