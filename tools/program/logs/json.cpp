// libvmaf's JSON log: {"version":..., "frames":[{"frameNum":0,"metrics":{key:value}},...], ...}.
//
// Real writers strayed from JSON in two ways, both read here for what they mean: numbers that are
// not finite stand as bare nan, -nan, inf (before 2021), and a comma leads the frames when frame 0
// was not written. Everything else in the file must be JSON, used or not: numbers are taken as raw
// tokens and parsed as in CSV and XML, so that the three give the same bits.
#include <algorithm>
#include <string_view>

#include <simdjson.h>

#include "system/failure.hpp"
#include "logs/frame_table.hpp"
#include "logs/log_reader.hpp"

namespace tinymlp::tools {

namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::size_t largest_json = std::size_t{1} << 30;
constexpr int deepest = 32;

constexpr std::string_view blanks = " \t\r\n";

// Blanks the comma of `"frames": [ ,`, in place, so that offsets stay.
void drop_leading_comma(held_text& text) {
  constexpr std::string_view key = "\"frames\"";
  const std::string_view view = text.view();
  for (std::size_t at = view.find(key); at != std::string_view::npos; at = view.find(key, at + 1)) {
    if (at > 0 && view[at - 1] == '\\') continue; // inside a string
    std::size_t next = at + key.size();
    for (const char expected : {':', '[', ','}) {
      next = view.find_first_not_of(blanks, next);
      if (next == std::string_view::npos || view[next] != expected) break;
      if (expected == ',') text.bytes[next] = ' ';
      ++next;
    }
  }
}

// Where the first object or array of the text ends, or npos where it does not.
std::size_t end_of_document(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\') ++i;
    if (c == '"') in_string = !in_string;
    if (in_string) continue;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && (depth == 0 || --depth == 0)) return i + 1;
  }
  return std::string_view::npos;
}

class json_log {
public:
  json_log(std::string file, held_text& text) : file_(file), text_(text), table_(std::move(file)) {}

  // Parses all of the text. The version goes to `description`.
  const frame_table& parse(log_description& description) {
    drop_leading_comma(text_);
    ondemand::parser parser;
    ondemand::document document;
    ondemand::object root;
    // The parser wants room to read past the end; read_whole left it.
    check(parser.iterate(text_.bytes.data(), text_.size, text_.bytes.size()).get(document));
    document_ = &document;
    const simdjson::error_code opened = document.get_object().get(root);
    if (opened == simdjson::INCORRECT_TYPE) fail("{}: an array, not a libvmaf log", file_);
    check(opened);
    bool has_frames = false;
    for (auto field : root) {
      std::string_view key = key_of(field);
      ondemand::value value;
      check(field.value().get(value));
      if (key == "frames") {
        if (has_frames) refuse("a second \"frames\"");
        has_frames = true;
        parse_frames(value);
      } else if (key == "version") {
        description.version = parse_version(value);
      } else {
        parse_ignored(value, 1);
      }
    }
    check_end();
    if (!has_frames) fail("{}: no \"frames\": not a libvmaf log", file_);
    return table_;
  }

private:
  // Where the parser stands; on an error, where it failed.
  std::size_t offset() {
    const char* location = nullptr;
    if (document_ == nullptr || document_->current_location().get(location) != simdjson::SUCCESS)
      return text_.size;
    return std::min(static_cast<std::size_t>(location - text_.bytes.data()), text_.size);
  }
  // The line where the parser stands. Counts on from the last call: it only moves forwards.
  std::size_t line() {
    const std::size_t at = std::max(offset(), counted_);
    const std::string_view passed = text_.view().substr(counted_, at - counted_);
    line_ += static_cast<std::size_t>(std::count(passed.begin(), passed.end(), '\n'));
    counted_ = at;
    return line_;
  }
  [[noreturn]] void refuse(std::string_view why) {
    if (document_ == nullptr) fail("{}: {}", file_, why);
    const std::size_t at = offset();
    fail("{}:{}: byte {}{}: {}", file_, line_index(text_.view()).line_of(at), at,
         in_frames_ ? fmt::format(" (frames[{}])", frame_index_) : std::string(), why);
  }
  void check(simdjson::error_code code) {
    const bool at_end = code == simdjson::TAPE_ERROR && offset() == text_.size;
    if (code == simdjson::INCOMPLETE_ARRAY_OR_OBJECT) {
      const std::size_t end = end_of_document(text_.view());
      if (end != std::string_view::npos)
        fail("{}:{}: byte {}: text after the end of the document", file_,
             line_index(text_.view()).line_of(end), end);
    }
    if (code == simdjson::UNCLOSED_STRING || code == simdjson::INCOMPLETE_ARRAY_OR_OBJECT || at_end)
      fail("{}:{}: byte {}: not valid JSON: it ends before its {} closed: cut off?", file_,
           line_index(text_.view()).line_of(text_.size), text_.size,
           code == simdjson::UNCLOSED_STRING ? "last string is" : "objects and arrays are");
    if (code != simdjson::SUCCESS)
      refuse(fmt::format("not valid JSON: {}", simdjson::error_message(code)));
  }

  template <class Field> std::string_view key_of(Field& field) {
    std::string_view key;
    check(field.unescaped_key().get(key));
    return key;
  }

  // The token of a scalar, without the blanks that follow it.
  std::string_view token_of(ondemand::value& value) {
    std::string_view token = value.raw_json_token();
    const std::size_t end = token.find_last_not_of(blanks);
    return token.substr(0, end == std::string_view::npos ? 0 : end + 1);
  }

  std::string parse_version(ondemand::value& value) {
    std::string_view version;
    if (value.get_string().get(version) != simdjson::SUCCESS) refuse("\"version\" is not a string");
    return std::string(version);
  }

  void parse_frames(ondemand::value& value) {
    ondemand::array frames;
    if (value.get_array().get(frames) != simdjson::SUCCESS) refuse("\"frames\" is not an array");
    in_frames_ = true;
    for (auto element : frames) {
      ondemand::object frame;
      if (element.get_object().get(frame) != simdjson::SUCCESS) refuse("a frame is not an object");
      parse_frame(frame);
      ++frame_index_;
    }
    in_frames_ = false;
  }

  // frameNum may follow metrics, so the frame is entered first and numbered when its number comes.
  void parse_frame(ondemand::object& frame) {
    bool has_number = false, has_metrics = false;
    table_.add_frame(0, line());
    for (auto field : frame) {
      std::string_view key = key_of(field);
      ondemand::value value;
      check(field.value().get(value));
      if (key == "frameNum" && !has_number) {
        has_number = true;
        parse_number_of_frame(value);
      } else if (key == "metrics" && !has_metrics) {
        has_metrics = true;
        parse_metrics(value);
      } else if (key == "frameNum" || key == "metrics") {
        refuse(fmt::format("a second \"{}\" in one frame", key));
      } else {
        parse_ignored(value, 3);
      }
    }
    if (!has_number) refuse("a frame without \"frameNum\"");
    if (!has_metrics) refuse("a frame without \"metrics\"");
  }

  void parse_number_of_frame(ondemand::value& value) {
    const std::optional<std::int64_t> number = parse_frame_number(token_of(value));
    if (!number) refuse("\"frameNum\" is not a whole number from 0 up");
    table_.number_latest(*number);
  }

  void parse_metrics(ondemand::value& value) {
    ondemand::object metrics;
    if (value.get_object().get(metrics) != simdjson::SUCCESS)
      refuse("\"metrics\" is not an object");
    for (auto field : metrics) {
      const std::string key(key_of(field));
      ondemand::value metric;
      check(field.value().get(metric));
      if (!is_score_key(key)) {
        parse_ignored(metric, 4);
        continue;
      }
      const std::string_view token = token_of(metric);
      // null is what libvmaf writes for a value that is not finite.
      table_.add_value(key, token == "null" ? "nan" : token, line());
    }
  }

  // Walks a value that carries nothing of interest, so that a damaged file is seen wherever it is
  // damaged.
  void parse_ignored(ondemand::value& value, int depth) {
    if (depth > deepest) refuse("nested too deeply");
    const std::string_view token = token_of(value);
    if (token.starts_with('{')) return parse_ignored_object(value, depth);
    if (token.starts_with('[')) return parse_ignored_array(value, depth);
    if (token.starts_with('"')) {
      std::string_view text;
      return check(value.get_string().get(text));
    }
    if (token == "null" || token == "true" || token == "false") return;
    if (parse_number(token).status == number_status::not_a_number)
      refuse("not valid JSON: neither a number, a string, null, true nor false");
  }

  void parse_ignored_object(ondemand::value& value, int depth) {
    ondemand::object object;
    check(value.get_object().get(object));
    for (auto field : object) {
      key_of(field);
      ondemand::value inner;
      check(field.value().get(inner));
      parse_ignored(inner, depth + 1);
    }
  }

  void parse_ignored_array(ondemand::value& value, int depth) {
    ondemand::array array;
    check(value.get_array().get(array));
    for (auto element : array) {
      ondemand::value inner;
      check(element.get(inner));
      parse_ignored(inner, depth + 1);
    }
  }

  void check_end() {
    const char* rest = nullptr;
    if (document_->current_location().get(rest) != simdjson::OUT_OF_BOUNDS)
      refuse("text after the end of the document");
  }

  std::string file_;
  held_text& text_;
  frame_table table_;
  ondemand::document* document_ = nullptr;
  bool in_frames_ = false;
  std::size_t frame_index_ = 0;
  std::size_t line_ = 1, counted_ = 0;
};

} // namespace

void read_json_log(byte_source& source, const log_options& options, row_sink& sink) {
  held_text text = read_whole(source, largest_json, simdjson::SIMDJSON_PADDING,
                              "a log this long can be read as CSV");
  const std::size_t nul = text.view().find('\0');
  if (nul != std::string_view::npos) fail("{}: a NUL byte at byte {}", source.name(), nul);
  log_description description;
  description.format = "libvmaf JSON";
  json_log log(source.name(), text);
  const frame_table& table = log.parse(description);
  table.emit(std::move(description), options, sink);
}

} // namespace tinymlp::tools
