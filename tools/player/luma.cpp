#include "luma.hpp"

#include <bit>
#include <cstring>

#include "system/failure.hpp"

namespace tinymlp::player {

using tools::fail;

namespace {

const AVPixFmtDescriptor& description(const AVFrame& picture) {
  const AVPixFmtDescriptor* found = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(picture.format));
  if (found == nullptr) fail("a picture of no known format");
  return *found;
}

bool has_full_range(const AVFrame& picture, const AVPixFmtDescriptor& format) {
  if ((format.flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) != 0) return false;
  // Grey has the full range unless it says otherwise, as libswscale makes and takes it.
  if (format.nb_components < 3) return picture.color_range != AVCOL_RANGE_MPEG;
  switch (picture.format) {
  case AV_PIX_FMT_YUVJ420P:
  case AV_PIX_FMT_YUVJ411P:
  case AV_PIX_FMT_YUVJ422P:
  case AV_PIX_FMT_YUVJ440P:
  case AV_PIX_FMT_YUVJ444P: return true;
  default: return picture.color_range == AVCOL_RANGE_JPEG;
  }
}

// Luma in a plane of its own, whose samples are whole words in the machine's order.
bool has_plain_luma(const AVPixFmtDescriptor& format) {
  constexpr std::uint64_t other = AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL |
                                  AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL |
                                  AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_BAYER;
  const AVComponentDescriptor& luma = format.comp[0];
  const int bytes = luma.depth > 8 ? 2 : 1;
  const bool big_endian = (format.flags & AV_PIX_FMT_FLAG_BE) != 0;
  return (format.flags & other) == 0 && luma.plane == 0 && luma.offset == 0 && luma.step == bytes &&
         (bytes == 1 || big_endian == (std::endian::native == std::endian::big));
}

template <class From, class To>
void shift_rows(const AVFrame& picture, int down, int up, void* to, std::ptrdiff_t stride) {
  for (int y = 0; y < picture.height; ++y) {
    const auto* row = reinterpret_cast<const From*>(
        picture.data[0] + static_cast<std::ptrdiff_t>(y) * picture.linesize[0]);
    auto* out = reinterpret_cast<To*>(static_cast<std::uint8_t*>(to) + y * stride);
    for (int x = 0; x < picture.width; ++x) out[x] = static_cast<To>((row[x] >> down) << up);
  }
}

void copy_rows(const std::uint8_t* from, std::ptrdiff_t from_stride, void* to,
               std::ptrdiff_t stride, const luma_form& form) {
  const std::size_t bytes = static_cast<std::size_t>(form.width) * (form.depth > 8 ? 2 : 1);
  for (int y = 0; y < form.height; ++y)
    std::memcpy(static_cast<std::uint8_t*>(to) + y * stride, from + y * from_stride, bytes);
}

// Its luma is what is taken; grey formats will not do, for libswscale gives them the full range.
AVPixelFormat format_of(const luma_form& form) {
  switch (form.depth) {
  case 8: return AV_PIX_FMT_YUV444P;
  case 9: return AV_PIX_FMT_YUV444P9;
  case 10: return AV_PIX_FMT_YUV444P10;
  case 12: return AV_PIX_FMT_YUV444P12;
  case 14: return AV_PIX_FMT_YUV444P14;
  default: return AV_PIX_FMT_YUV444P16;
  }
}

} // namespace

luma_form form_of(const AVFrame& picture) {
  const AVPixFmtDescriptor& format = description(picture);
  const int depth = format.comp[0].depth;
  return {picture.width, picture.height,
          depth <= 8    ? 8
          : depth == 11 ? 12
          : depth > 14  ? 16
                        : depth,
          has_full_range(picture, format)};
}

bool luma_writer::copies(const AVFrame& picture) const {
  const AVPixFmtDescriptor& format = description(picture);
  return has_plain_luma(format) && picture.width == to_.width && picture.height == to_.height &&
         format.comp[0].depth <= to_.depth && has_full_range(picture, format) == to_.full_range;
}

void luma_writer::write(const AVFrame& picture, void* to, std::ptrdiff_t stride) {
  if (!copies(picture)) return convert(picture, to, stride);
  const AVComponentDescriptor& luma = description(picture).comp[0];
  const int up = to_.depth - luma.depth;
  if (up == 0 && luma.shift == 0)
    copy_rows(picture.data[0], picture.linesize[0], to, stride, to_);
  else if (luma.depth > 8)
    shift_rows<std::uint16_t, std::uint16_t>(picture, luma.shift, up, to, stride);
  else if (to_.depth > 8)
    shift_rows<std::uint8_t, std::uint16_t>(picture, luma.shift, up, to, stride);
  else
    shift_rows<std::uint8_t, std::uint8_t>(picture, luma.shift, up, to, stride);
}

void luma_writer::prepare(const AVFrame& picture, AVPixelFormat form) {
  if (scaler_ != nullptr && from_width_ == picture.width && from_height_ == picture.height &&
      from_format_ == picture.format)
    return;
  forget_reasons();
  scaler_.reset(sws_getContext(picture.width, picture.height,
                               static_cast<AVPixelFormat>(picture.format), to_.width, to_.height,
                               form, SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP, nullptr,
                               nullptr, nullptr));
  if (scaler_ == nullptr)
    fail("cannot convert pictures of format {}: {}", description(picture).name, latest_reason(0));
  from_width_ = picture.width;
  from_height_ = picture.height;
  from_format_ = picture.format;
  const int* matrix = sws_getCoefficients(picture.colorspace);
  constexpr int one = 1 << 16;
  // Refused for formats that have no range to be told of.
  static_cast<void>(sws_setColorspaceDetails(scaler_.get(), matrix,
                                             has_full_range(picture, description(picture)) ? 1 : 0,
                                             matrix, to_.full_range ? 1 : 0, 0, one, one));
  converted_.reset(av_frame_alloc());
  if (converted_ == nullptr) throw std::bad_alloc();
  converted_->width = to_.width;
  converted_->height = to_.height;
  converted_->format = form;
  if (av_frame_get_buffer(converted_.get(), 0) < 0) throw std::bad_alloc();
}

void luma_writer::convert(const AVFrame& picture, void* to, std::ptrdiff_t stride) {
  prepare(picture, format_of(to_));
  const int rows = sws_scale(scaler_.get(), picture.data, picture.linesize, 0, picture.height,
                             converted_->data, converted_->linesize);
  if (rows != to_.height)
    fail("cannot convert a picture of format {}: {}", description(picture).name,
         latest_reason(rows));
  copy_rows(converted_->data[0], converted_->linesize[0], to, stride, to_);
}

} // namespace tinymlp::player
