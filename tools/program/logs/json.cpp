// JSON logs: libvmaf's {"version":..., "frames":[{"frameNum":0,"metrics":{key:value}},...], ...};
// run_vmaf's, whose metrics stand beside frameNum; ffmpeg-quality-metrics', whose frames are
// {"vmaf":[{"n":1,key:value},...]}. Frame by frame, in constant memory.
//
// Real writers strayed from JSON in two ways, both read here for what they mean: numbers that are
// not finite stand as bare nan, -nan, inf (before 2021), and a comma leads the frames when frame 0
// was not written. Everything else in the file must be JSON, used or not: numbers are taken as raw
// tokens and parsed as in CSV and XML, so that the three give the same bits.
#include <string_view>

#include <simdjson.h>

#include "logs/frame_stream.hpp"
#include "logs/json_values.hpp"
#include "logs/log_reader.hpp"
#include "system/failure.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::size_t longest_value = std::size_t{64} << 20;
constexpr int deepest = 32;

constexpr std::string_view blanks = " \t\r\n";

class json_log {
public:
  json_log(byte_source& source, const log_options& options, row_sink& sink)
      : source_(source), file_(source.name()),
        text_(source, simdjson::SIMDJSON_PADDING, longest_value, [this] { frames_.idle(); }),
        values_(text_), frames_(
                            file_, [this] { return text_.line(offset()); }, options, sink) {
    frames_.description().format = "libvmaf JSON";
  }

  void read() {
    if (values_.peek() == '[') fail("{}: an array, not a libvmaf log", file_);
    values_.skip();
    bool has_frames = false;
    read_list('}', [&] {
      if (values_.peek() != '"') refuse("not valid JSON: a key in quotes is missing");
      const std::string key = read_text();
      if (values_.peek() != ':') refuse("not valid JSON: a colon is missing");
      values_.skip();
      const bool is_array = values_.peek() == '[';
      if (key == "frames" || (key == "vmaf" && is_array)) {
        if (has_frames) refuse(fmt::format("a second \"{}\"", printable(key, 80)));
        has_frames = true;
        if (!is_array) refuse("\"frames\" is not an array");
        read_frames();
      } else {
        read_member(key);
      }
    });
    source_.expect_end();
    if (values_.peek() != '\0')
      refuse("text after the end of the document: logs put one behind the other are scored one by "
             "one");
    if (!has_frames) fail("{}: no \"frames\": not a libvmaf log", file_);
    frames_.end();
  }

private:
  // Members or elements up to what closes them, which is consumed.
  template <class Read> void read_list(char closing, Read&& read) {
    if (values_.peek() == closing) return values_.skip();
    for (;;) {
      read();
      const char next = values_.peek();
      if (next == '\0') values_.value(); // refuses the end
      if (next != ',' && next != closing)
        refuse(fmt::format("not valid JSON: a comma or {} is missing", closing));
      values_.skip();
      if (next == closing) return;
    }
  }

  void read_frames() {
    values_.skip();
    if (values_.peek() == ',') values_.skip(); // of frame 0, which was not written
    in_frames_ = true;
    read_list(']', [&] {
      if (values_.peek() == '\0') values_.value(); // refuses the end
      if (values_.peek() != '{') refuse("a frame is not an object");
      ondemand::object frame;
      check(open().get_object().get(frame));
      read_frame(frame);
      close();
      ++frame_index_;
    });
    in_frames_ = false;
  }

  void read_member(const std::string& key) {
    if (key == "version") {
      if (values_.peek() != '"') refuse("\"version\" is not a string");
      frames_.description().version = read_text();
      return;
    }
    const char first = values_.peek();
    if (first == '{' || first == '[') {
      ondemand::document& document = open();
      ondemand::value value;
      check(document.get_value().get(value));
      if (key == "params" && first == '{')
        read_params(value);
      else
        ignore(value, 1);
      return close();
    }
    if (first == '"') return static_cast<void>(read_text());
    check_scalar(values_.value());
  }

  // params.model: which model wrote the scores.
  void read_params(ondemand::value& value) {
    ondemand::object params;
    check(value.get_object().get(params));
    for (auto field : params) {
      const bool is_model = key_of(field) == "model";
      ondemand::value inner;
      check(field.value().get(inner));
      std::string_view model;
      if (!is_model || !token_of(inner).starts_with('"')) {
        ignore(inner, 2);
        continue;
      }
      check(inner.get_string().get(model));
      frames_.description().model = model;
    }
  }

  // ---- one value of the text

  ondemand::document& open() {
    value_ = values_.value();
    check(parser_.iterate(value_.data(), value_.size(), value_.size() + simdjson::SIMDJSON_PADDING)
              .get(document_));
    opened_ = true;
    return document_;
  }
  void close() {
    const char* rest = nullptr;
    if (document_.current_location().get(rest) != simdjson::OUT_OF_BOUNDS)
      refuse("not valid JSON: text after a value");
    opened_ = false;
  }
  std::string read_text() {
    std::string_view text;
    check(open().get_string().get(text));
    std::string copy(text);
    opened_ = false;
    return copy;
  }

  // Where the parser stands in the value, in bytes; on an error, where it failed.
  std::size_t offset() {
    const char* location = nullptr;
    if (!opened_ || document_.current_location().get(location) != simdjson::SUCCESS) return 0;
    return std::min(static_cast<std::size_t>(location - value_.data()), value_.size());
  }
  [[noreturn]] void refuse(std::string_view why) {
    fail("{}{}: {}", values_.where(offset()),
         in_frames_ ? fmt::format(" (frames[{}])", frame_index_) : std::string(), why);
  }
  void check(simdjson::error_code code) {
    if (code == simdjson::CAPACITY || code == simdjson::MEMALLOC) throw std::bad_alloc();
    if (code != simdjson::SUCCESS)
      refuse(fmt::format("not valid JSON: {}", simdjson::error_message(code)));
  }

  template <class Field> std::string_view key_of(Field& field) {
    std::string_view key;
    check(field.unescaped_key().get(key));
    return key;
  }

  // The token of a scalar, without the blanks that follow it.
  static std::string_view token_of(ondemand::value& value) {
    std::string_view token = value.raw_json_token();
    const std::size_t end = token.find_last_not_of(blanks);
    return token.substr(0, end == std::string_view::npos ? 0 : end + 1);
  }

  // frameNum may follow the metrics, so the frame is entered first and numbered when its number
  // comes.
  void read_frame(ondemand::object& frame) {
    bool has_number = false, has_metrics = false, has_values = false;
    frames_.begin_frame();
    for (auto field : frame) {
      const std::string_view key = key_of(field);
      ondemand::value value;
      check(field.value().get(value));
      if (key == "frameNum" || key == "n") {
        if (has_number) refuse(fmt::format("a second \"{}\" in one frame", key));
        has_number = true;
        read_number_of_frame(value);
      } else if (key == "metrics") {
        if (has_metrics) refuse("a second \"metrics\" in one frame");
        has_metrics = true;
        read_metrics(value);
      } else {
        has_values = read_metric(key, value, 3) || has_values;
      }
    }
    if (!has_number) refuse("a frame without \"frameNum\"");
    if (!has_metrics && !has_values) refuse("a frame without \"metrics\"");
    frames_.end_frame();
  }

  void read_number_of_frame(ondemand::value& value) {
    const std::optional<std::int64_t> number = parse_frame_number(token_of(value));
    if (!number) refuse("\"frameNum\" is not a whole number from 0 up");
    frames_.number_frame(*number);
  }

  void read_metrics(ondemand::value& value) {
    ondemand::object metrics;
    if (value.get_object().get(metrics) != simdjson::SUCCESS)
      refuse("\"metrics\" is not an object");
    for (auto field : metrics) {
      const std::string_view key = key_of(field);
      ondemand::value metric;
      check(field.value().get(metric));
      read_metric(key, metric, 4);
    }
  }

  // Whether it is of interest.
  bool read_metric(std::string_view key, ondemand::value& value, int depth) {
    if (!frames_.wants(key)) {
      ignore(value, depth);
      frames_.pass_over();
      return false;
    }
    const std::string_view token = token_of(value);
    // null is what libvmaf writes for a value that is not finite.
    frames_.add_value(key, token == "null" ? "nan" : token);
    return true;
  }

  // Walks a value that carries nothing of interest, so that a damaged file is seen wherever it is
  // damaged.
  void ignore(ondemand::value& value, int depth) {
    if (depth > deepest) refuse("nested too deeply");
    const std::string_view token = token_of(value);
    if (token.starts_with('{')) return ignore_object(value, depth);
    if (token.starts_with('[')) return ignore_array(value, depth);
    if (token.starts_with('"')) {
      std::string_view text;
      return check(value.get_string().get(text));
    }
    check_scalar(token);
  }

  void check_scalar(std::string_view token) {
    if (token == "null" || token == "true" || token == "false") return;
    if (parse_number(token).status == number_status::not_a_number)
      refuse("not valid JSON: neither a number, a string, null, true nor false");
  }

  void ignore_object(ondemand::value& value, int depth) {
    ondemand::object object;
    check(value.get_object().get(object));
    for (auto field : object) {
      key_of(field);
      ondemand::value inner;
      check(field.value().get(inner));
      ignore(inner, depth + 1);
    }
  }

  void ignore_array(ondemand::value& value, int depth) {
    ondemand::array array;
    check(value.get_array().get(array));
    for (auto element : array) {
      ondemand::value inner;
      check(element.get(inner));
      ignore(inner, depth + 1);
    }
  }

  byte_source& source_;
  std::string file_;
  text_window text_;
  json_values values_;
  frame_stream frames_;
  ondemand::parser parser_;
  ondemand::document document_;
  bool opened_ = false; // document_ is of value_
  std::string_view value_;
  bool in_frames_ = false;
  std::size_t frame_index_ = 0;
};

} // namespace

void read_json_log(byte_source& source, const log_options& options, row_sink& sink) {
  json_log(source, options, sink).read();
}

} // namespace tinymlp::tools
