#include "logs/log_reader.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "system/failure.hpp"

namespace tinymlp::tools {

namespace {

constexpr std::size_t most_blanks = 4096;
constexpr std::size_t longest_start = 16;
constexpr std::string_view utf8_mark = "\xEF\xBB\xBF";

// What a file starts with that is no log, what it is, and what to do.
struct other_format {
  std::string_view start;
  std::size_t at; // where in the file
  std::string_view what;
};
constexpr std::array<other_format, 22> other_formats{{
    {"\xFF\xFE", 0, "is UTF-16 (Windows PowerShell redirects so); convert it to UTF-8"},
    {"\xFE\xFF", 0, "is UTF-16 (Windows PowerShell redirects so); convert it to UTF-8"},
    {"\x1F\x8B", 0, "is compressed with gzip; pipe it through: gzip -dc FILE | tinymlp score -"},
    {"\x28\xB5\x2F\xFD", 0,
     "is compressed with Zstandard; pipe it through: zstd -dc FILE | tinymlp score -"},
    {"\xFD"
     "7zXZ",
     0, "is compressed with xz; pipe it through: xz -dc FILE | tinymlp score -"},
    {"BZh", 0, "is compressed with bzip2; pipe it through: bzip2 -dc FILE | tinymlp score -"},
    {"PK\x03\x04", 0, "is a ZIP archive; unpack it and score the log inside"},
    {"\x89PNG", 0, "is a PNG picture, not a log"},
    {"\xFF\xD8\xFF", 0, "is a JPEG picture, not a log"},
    {"GIF8", 0, "is a GIF picture, not a log"},
    {"%PDF", 0, "is a PDF document, not a log"},
    {"\x7F"
     "ELF",
     0, "is a program, not a log"},
    {"PAR1", 0, "is a Parquet table; write its columns as CSV first"},
    {"\x93NUMPY", 0, "is a NumPy array; write its rows as CSV with a header first"},
    {"YUV4MPEG2", 0, "is a video; scores need libvmaf's log of its features"},
    {"ftyp", 4, "is a video; scores need libvmaf's log of its features"},
    {"\x1A\x45\xDF\xA3", 0, "is a video; scores need libvmaf's log of its features"},
    {"RIFF", 0, "is a video or a sound; scores need libvmaf's log of its features"},
    {"[libvmaf @", 0,
     "is FFmpeg's console output; the features are in the log that libvmaf's option log_path "
     "names"},
    {"[Parsed_libvmaf", 0,
     "is FFmpeg's console output; the features are in the log that libvmaf's option log_path "
     "names"},
    {"ffmpeg version", 0,
     "is FFmpeg's console output; the features are in the log that libvmaf's option log_path "
     "names"},
    {"VMAF version", 0,
     "is the vmaf tool's console output; the features are in the log that its option --output "
     "names"},
}};

// An ONNX file is a protobuf message that starts with its IR version, and then names who made it or
// holds the graph.
bool is_onnx(std::string_view head) {
  return head.size() >= 3 && head[0] == '\x08' && head[1] > 0 && head[1] < 32 &&
         (head[2] == '\x12' || head[2] == '\x1A' || head[2] == '\x22' || head[2] == '\x3A' ||
          head[2] == '\x42');
}

void refuse_other_formats(const byte_source& source, std::string_view head) {
  for (const other_format& other : other_formats)
    if (head.size() > other.at && head.substr(other.at).starts_with(other.start))
      fail("{}: {}", source.name(), other.what);
  if (is_onnx(head))
    fail("{}: is an ONNX model, not a log: give it as --model FILE, or see `tinymlp inspect`",
         source.name());
}

// The first byte that is not blank. Asks for no more bytes than that takes: a live source may have
// no more yet.
char first_character(byte_source& source) {
  for (std::size_t wanted = 1; wanted <= most_blanks; wanted *= 2) {
    const std::string_view head = source.peek(wanted);
    const std::size_t first = head.find_first_not_of(" \t\r\n");
    if (first != std::string_view::npos) return head[first];
    if (head.size() < wanted) fail("{}: is empty", source.name());
  }
  fail("{}: starts with {} blank bytes: not a log", source.name(), most_blanks);
}

// Asks for more only while what there is could be the start of one of them: a live source may have
// no more yet.
void refuse_known_formats(byte_source& source) {
  std::string_view head;
  for (std::size_t wanted = 1; wanted <= longest_start; ++wanted) {
    head = source.peek(wanted);
    refuse_other_formats(source, head);
    const bool undecided =
        std::any_of(other_formats.begin(), other_formats.end(), [&](const other_format& other) {
          return head.size() <= other.at || other.start.starts_with(head.substr(other.at));
        });
    if (head.size() < wanted || !undecided) return;
  }
}

void skip(byte_source& source, std::size_t count) {
  std::array<char, utf8_mark.size()> dropped{};
  while (count > 0) count -= source.read({dropped.data(), count});
}

} // namespace

void read_log(byte_source& source, const log_options& options, row_sink& sink) {
  refuse_known_formats(source);
  const std::string_view head = source.peek(utf8_mark.size());
  if (head.starts_with(utf8_mark)) skip(source, utf8_mark.size());
  switch (first_character(source)) {
  case '{':
  case '[': return read_json_log(source, options, sink);
  case '<': return read_xml_log(source, options, sink);
  default: return read_csv_log(source, options, sink);
  }
}

} // namespace tinymlp::tools
