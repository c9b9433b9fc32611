#include "video.hpp"

#include <cmath>
#include <limits>

#include "system/failure.hpp"

namespace tinymlp::player {

using tools::fail;

namespace {

double as_number(AVRational q) { return q.num > 0 && q.den > 0 ? av_q2d(q) : 0; }

} // namespace

video::video(const std::string& path)
    : name_(path), packet_(av_packet_alloc()), frame_(av_frame_alloc()) {
  if (packet_ == nullptr || frame_ == nullptr) throw std::bad_alloc();
  open(path);
  open_decoder();
  rate_ = as_number(stream_->avg_frame_rate);
  const double finest = as_number(stream_->r_frame_rate);
  constant_rate_ = rate_ > 0 && std::fabs(finest / rate_ - 1) < same_rate;
}

void video::refuse_opening(int code) const {
  fail("{}: cannot open: {}", name_, latest_reason(code));
}

void video::open(const std::string& path) {
  forget_reasons();
  AVDictionary* options = nullptr;
  av_dict_set(&options, "protocol_whitelist", "file", 0);
  AVFormatContext* file = nullptr;
  // With the protocol's name, so that a colon in the file's own is no protocol.
  int code = avformat_open_input(&file, ("file:" + path).c_str(), nullptr, &options);
  av_dict_free(&options);
  if (code < 0) refuse_opening(code);
  file_.reset(file);
  code = avformat_find_stream_info(file, nullptr);
  if (code < 0) refuse_opening(code);
}

void video::open_decoder() {
  const AVCodec* codec = nullptr;
  const int index = av_find_best_stream(file_.get(), AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
  const bool is_cover =
      index >= 0 && (file_->streams[index]->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
  if (index == AVERROR_STREAM_NOT_FOUND || is_cover)
    fail("{}: has no video stream (its container is {})", name_, file_->iformat->long_name);
  if (index < 0 || codec == nullptr)
    fail("{}: FFmpeg has no decoder for its video stream ({})", name_, file_->iformat->long_name);
  stream_ = file_->streams[index];
  for (unsigned i = 0; i < file_->nb_streams; ++i)
    if (static_cast<int>(i) != index) file_->streams[i]->discard = AVDISCARD_ALL;
  codec_name_ = codec->name;
  decoder_.reset(avcodec_alloc_context3(codec));
  if (decoder_ == nullptr) throw std::bad_alloc();
  // One thread: an error then belongs to the packet that was sent last, and a frame's time is the
  // processor's.
  decoder_->thread_count = 1;
  // Decoders hide damage as well as they can: what they hide is not what was encoded.
  decoder_->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE;
  forget_reasons();
  int code = avcodec_parameters_to_context(decoder_.get(), stream_->codecpar);
  if (code >= 0) code = avcodec_open2(decoder_.get(), codec, nullptr);
  if (code < 0) fail("{}: cannot decode {}: {}", name_, codec_name_, latest_reason(code));
  forget_reasons();
}

const AVFrame* video::next() {
  for (;;) {
    const int code = avcodec_receive_frame(decoder_.get(), frame_.get());
    if (code == AVERROR(EAGAIN)) {
      feed();
      continue;
    }
    if (code == AVERROR_EOF || (code < 0 && !damage_.empty())) {
      if (damage_.empty()) return nullptr;
      refuse_damage();
    }
    if (code < 0) {
      end_by(latest_reason(code));
      continue;
    }
    if (frame_->decode_error_flags != 0 || (frame_->flags & AV_FRAME_FLAG_CORRUPT) != 0) {
      if (damage_.empty()) end_by(latest_reason(0));
      refuse_damage();
    }
    // What the decoder still held and is shown before the damaged picture is whole.
    const std::int64_t shown_at = frame_->best_effort_timestamp;
    if (!damage_.empty() && damaged_at_ != AV_NOPTS_VALUE && shown_at > damaged_at_)
      refuse_damage();
    // Some decoders tell of what they hide in no other way.
    if (damage_.empty() && has_reasons()) end_by(latest_reason(0));
    if (pictures_++ == 0) first_time_ = shown_at;
    time_ = seconds_after_first(shown_at);
    return frame_.get();
  }
}

// The next packet of the stream into the decoder, or the word that there are no more.
void video::feed() {
  for (;;) {
    forget_reasons();
    int code = av_read_frame(file_.get(), packet_.get());
    if (code == AVERROR_EOF) {
      const bool is_cut = file_->pb != nullptr && file_->pb->error < 0;
      if (is_cut) return end_by(latest_reason(file_->pb->error));
      avcodec_send_packet(decoder_.get(), nullptr);
      return;
    }
    if (code < 0) return end_by(latest_reason(code));
    if (packet_->stream_index != stream_->index) {
      av_packet_unref(packet_.get());
      continue;
    }
    damaged_at_ = packet_->pts; // should it be
    if ((packet_->flags & AV_PKT_FLAG_CORRUPT) != 0) {
      av_packet_unref(packet_.get());
      return end_by("a packet that is marked as damaged or is cut off");
    }
    code = avcodec_send_packet(decoder_.get(), packet_.get());
    av_packet_unref(packet_.get());
    if (code < 0 || has_reasons()) end_by(latest_reason(code));
    return;
  }
}

void video::end_by(const std::string& why) {
  damage_ = why;
  avcodec_send_packet(decoder_.get(), nullptr); // which then gives what it holds
}

// Once it has given that: the pictures are those that were played.
void video::refuse_damage() const {
  fail("{}: damaged after {} picture{}{}: {}; mend it, or encode it anew", name_, pictures_,
       pictures_ == 1 ? "" : "s",
       std::isnan(time_) ? "" : fmt::format(", the last at {:.3f} s", time_), damage_);
}

double video::seconds_after_first(std::int64_t timestamp) const noexcept {
  if (timestamp == AV_NOPTS_VALUE || first_time_ == AV_NOPTS_VALUE)
    return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(timestamp - first_time_) * av_q2d(stream_->time_base);
}

} // namespace tinymlp::player
