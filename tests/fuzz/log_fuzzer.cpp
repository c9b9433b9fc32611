// Logs of any bytes: read_log() hands on rows or throws failure or usage_error with a message, and
// nothing else. Whether the whole text is there at once or comes in pieces must not matter.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "logs/log_reader.hpp"
#include "system/failure.hpp"
#include "system/text.hpp"

namespace {

using namespace tinymlp::tools;

class counter final : public row_sink {
public:
  void begin(const log_description& description) override {
    if (begun_++ != 0) std::abort();
    for (const std::string& key : description.keys)
      if (key.empty()) std::abort();
    if (description.has_vmaf == description.own_key.empty()) std::abort();
  }
  void row(const log_row& row) override {
    if (begun_ != 1 || row.frame < 0) std::abort();
    ++rows_;
  }
  void note(const std::string& text) override {
    if (text.empty()) std::abort();
  }
  std::uint64_t rows() const { return rows_; }

private:
  int begun_ = 0;
  std::uint64_t rows_ = 0;
};

} // namespace

// The first byte chooses the options.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  log_options options;
  if ((data[0] & 1) != 0) options.feature_suffix = (data[0] & 2) != 0 ? "_egl_1" : "";
  if ((data[0] & 4) != 0) options.own_score = (data[0] & 8) != 0 ? "vmaf_hd" : "";
  byte_source source("log", {reinterpret_cast<const char*>(data) + 1, size - 1});
  counter rows;
  try {
    read_log(source, options, rows);
    if (rows.rows() == 0) std::abort(); // a log without rows is refused
  } catch (const failure& why) {
    if (std::string_view(why.what()).substr(0, 3) != "log") std::abort(); // names the file
  } catch (const usage_error& why) {
    if (std::string_view(why.what()).empty()) std::abort();
  }
  return 0;
}
