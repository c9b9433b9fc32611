// Rows of features out of a log in any of the formats that libvmaf and FFmpeg write.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "system/byte_source.hpp"
#include "logs/feature_keys.hpp"

namespace tinymlp::tools {

struct log_row {
  std::int64_t frame = 0;
  std::array<float, feature_count> features{}; // canonical-6; NaN or infinity where the log says so
  // The log's own score; NaN where absent.
  double vmaf = std::numeric_limits<double>::quiet_NaN();
};

struct log_description {
  std::string format;                          // "CSV", "libvmaf JSON", "libvmaf XML"
  std::string version;                         // of the writer, where the log says it
  std::array<std::string, feature_count> keys; // as spelt in the log, canonical-6 order
  std::string model;                           // params.model, where the log says it
  bool has_vmaf = false;                       // whether it has a score of its own
  std::string own_key;                         // that carries it, "vmaf"
  std::string own_model; // that wrote it, "vmaf_4k_v0.6.1"; empty where nothing tells
};

struct log_options {
  std::optional<std::string> feature_suffix; // see choose_feature_keys
  std::optional<std::string> own_score;      // see choose_own_score
  // Rows are wanted as soon as they are there: where more may take a while, keys are chosen from
  // the frames so far.
  bool live = false;
};

// Takes the rows in the order of the log.
class row_sink {
public:
  virtual ~row_sink() = default;
  virtual void begin(const log_description& description) = 0; // once, before the first row
  virtual void row(const log_row& row) = 0;
  // What a person should know of the log, that is not an error.
  virtual void note(const std::string& text) = 0;
  // More rows may take a while: the source is a pipe that is empty for now.
  virtual void idle() {}
};

// Reads `source` to its end, in constant memory. The format is told by the content: '{' is JSON,
// '<' is XML, all else CSV with a header. Throws failure, naming line or byte, at the first thing
// that is wrong; rows before it may have been handed on by then.
void read_log(byte_source& source, const log_options& options, row_sink& sink);

// The formats; `source` stands at the first byte that is not a byte-order mark.
void read_csv_log(byte_source& source, const log_options& options, row_sink& sink);
void read_json_log(byte_source& source, const log_options& options, row_sink& sink);
void read_xml_log(byte_source& source, const log_options& options, row_sink& sink);

} // namespace tinymlp::tools
