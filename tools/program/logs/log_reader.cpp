#include "logs/log_reader.hpp"

#include <string_view>

#include "system/failure.hpp"

namespace tinymlp::tools {

namespace {

constexpr std::size_t most_blanks = 4096;
constexpr std::string_view utf8_mark = "\xEF\xBB\xBF";

void refuse_other_encodings(const byte_source& source, std::string_view head) {
  if (head.starts_with("\xFF\xFE") || head.starts_with("\xFE\xFF"))
    fail("{}: is UTF-16 (Windows PowerShell redirects so); convert it to UTF-8", source.name());
  if (head.starts_with("\x1F\x8B"))
    fail("{}: is compressed with gzip; pipe it through: gzip -dc FILE | tinymlp score -",
         source.name());
  if (head.starts_with("\x28\xB5\x2F\xFD"))
    fail("{}: is compressed with Zstandard; pipe it through: zstd -dc FILE | tinymlp score -",
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

void skip(byte_source& source, std::size_t count) {
  std::array<char, utf8_mark.size()> dropped{};
  while (count > 0) count -= source.read({dropped.data(), count});
}

} // namespace

void read_log(byte_source& source, const log_options& options, row_sink& sink) {
  const std::string_view head = source.peek(4);
  refuse_other_encodings(source, head);
  if (head.starts_with(utf8_mark)) skip(source, utf8_mark.size());
  switch (first_character(source)) {
  case '{':
  case '[': return read_json_log(source, options, sink);
  case '<': return read_xml_log(source, options, sink);
  default: return read_csv_log(source, options, sink);
  }
}

} // namespace tinymlp::tools
