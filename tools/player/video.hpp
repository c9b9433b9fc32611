// A video file, decoded picture by picture in the order of display.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "ffmpeg.hpp"

namespace tinymlp::player {

// How far two rates may be apart, as a share: what containers round away. Film's 24 pictures a
// second and NTSC's 23.976 are twice that apart.
inline constexpr double same_rate = 5e-4;

class video {
public:
  // Opens a local file; nothing is fetched from a network, whatever the file names. Throws failure,
  // naming the file and the reason, for one that cannot be read or has no video stream.
  explicit video(const std::string& path);

  // The next picture, valid until the next call; null at the end of the stream. Throws failure at
  // the first packet or picture that is damaged, once all pictures before it were handed out.
  const AVFrame* next();

  const std::string& name() const noexcept { return name_; }
  const std::string& codec() const noexcept { return codec_name_; }
  // Pictures handed out so far.
  std::uint64_t pictures() const noexcept { return pictures_; }
  // Pictures a second; 0 where the file does not tell.
  double rate() const noexcept { return rate_; }
  // Whether all pictures are shown equally long, as far as the file tells.
  bool has_constant_rate() const noexcept { return constant_rate_; }
  // When the latest picture is shown, in seconds after the first; NaN where the file does not tell.
  double time() const noexcept { return time_; }

private:
  void open(const std::string& path);
  void open_decoder();
  void feed();
  void end_by(const std::string& why);
  [[noreturn]] void refuse_damage() const;
  double seconds_after_first(std::int64_t timestamp) const noexcept;
  [[noreturn]] void refuse_opening(int code) const;

  struct close_input {
    void operator()(AVFormatContext* file) const noexcept { avformat_close_input(&file); }
  };
  struct free_decoder {
    void operator()(AVCodecContext* decoder) const noexcept { avcodec_free_context(&decoder); }
  };
  struct free_packet {
    void operator()(AVPacket* packet) const noexcept { av_packet_free(&packet); }
  };
  struct free_frame {
    void operator()(AVFrame* frame) const noexcept { av_frame_free(&frame); }
  };

  std::string name_, codec_name_;
  std::unique_ptr<AVFormatContext, close_input> file_;
  std::unique_ptr<AVCodecContext, free_decoder> decoder_;
  std::unique_ptr<AVPacket, free_packet> packet_;
  std::unique_ptr<AVFrame, free_frame> frame_;
  const AVStream* stream_ = nullptr;
  double rate_ = 0;
  bool constant_rate_ = false;
  std::uint64_t pictures_ = 0;
  std::int64_t first_time_ = AV_NOPTS_VALUE;
  double time_ = std::numeric_limits<double>::quiet_NaN();
  std::int64_t damaged_at_ = AV_NOPTS_VALUE; // of the packet sent last: damage is found in that one
  std::string damage_; // why the stream ends once the decoder has given what it holds
};

} // namespace tinymlp::player
