// XML logs: libvmaf's <VMAF version="..."><frames><frame frameNum="0" key="value"/>..., the same
// since 1.3 but for elements outside of <frames>; and run_vmaf's, whose root is <result>. Frame by
// frame, in constant memory.
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <expat.h>

#include "logs/frame_stream.hpp"
#include "logs/log_reader.hpp"
#include "system/failure.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

// Expat holds a single tag or comment however long it becomes, and reads it from its start again
// with every piece that arrives.
constexpr XML_Index longest_tag = XML_Index{4} << 20;
constexpr int deepest = 64; // each open element takes memory
constexpr int read_size = 1 << 16;

class xml_log {
public:
  xml_log(byte_source& source, const log_options& options, row_sink& sink)
      : source_(source), frames_(
                             source.name(), [this] { return line(); }, options, sink),
        parser_(XML_ParserCreate("UTF-8"), &XML_ParserFree) {
    if (parser_ == nullptr) throw std::bad_alloc();
#if XML_MAJOR_VERSION > 2 || XML_MINOR_VERSION >= 6
    // Expat 2.6 and newer keep what arrives in small pieces until it is worth a look.
    if (options.live) XML_SetReparseDeferralEnabled(parser_.get(), XML_FALSE);
#endif
    frames_.description().format = "libvmaf XML";
    XML_SetUserData(parser_.get(), this);
    XML_SetElementHandler(
        parser_.get(),
        [](void* self, const char* name, const char** attributes) {
          static_cast<xml_log*>(self)->guarded([&](xml_log& log) { log.open(name, attributes); });
        },
        [](void* self, const char*) { static_cast<xml_log*>(self)->close(); });
    // Nothing that a document could define for itself is needed, and what it could do with it
    // (files of this machine, text without end) is not wanted.
    XML_SetEntityDeclHandler(parser_.get(), [](void* self, const char*, int, const char*, int,
                                               const char*, const char*, const char*, const char*) {
      static_cast<xml_log*>(self)->guarded(
          [](xml_log& log) { log.refuse("declares entities of its own, which are not expanded"); });
    });
  }

  void read() {
    for (bool at_end = false; !at_end;) {
      if (depth_ == 0 && !root_.empty()) source_.expect_end();
      if (source_.would_block()) frames_.idle();
      void* buffer = XML_GetBuffer(parser_.get(), read_size);
      if (buffer == nullptr) throw std::bad_alloc();
      const std::size_t got =
          source_.read({static_cast<char*>(buffer), static_cast<std::size_t>(read_size)});
      refuse_nul({static_cast<const char*>(buffer), got});
      at_end = got == 0;
      if (position_ - latest_tag_ > longest_tag)
        refuse(fmt::format("more than {} without a tag", size_text(longest_tag)));
      position_ += static_cast<XML_Index>(got);
      if (XML_ParseBuffer(parser_.get(), static_cast<int>(got), at_end) == XML_STATUS_OK) continue;
      if (thrown_) std::rethrow_exception(thrown_);
      refuse_syntax();
    }
    if (!has_frames_)
      fail("{}: <{}> has no <frames>: not a libvmaf log", source_.name(), printable(root_, 80));
    frames_.end();
  }

private:
  std::uint64_t line() const { return XML_GetCurrentLineNumber(parser_.get()); }

  // Exceptions do not pass through a C library: the parser is stopped, and read() throws.
  template <class F> void guarded(F&& f) {
    if (thrown_) return;
    try {
      f(*this);
    } catch (...) {
      thrown_ = std::current_exception();
      XML_StopParser(parser_.get(), XML_FALSE);
    }
  }

  void open(std::string_view name, const char** attributes) {
    ++depth_;
    latest_tag_ = XML_GetCurrentByteIndex(parser_.get());
    if (depth_ > deepest) refuse("nested too deeply");
    if (depth_ == 1) {
      if (name != "VMAF" && name != "result")
        refuse(fmt::format("the root element is <{}>, not <VMAF>", printable(name, 80)));
      root_ = name;
      read_attributes(attributes, "version", frames_.description().version);
    } else if (depth_ == 2) {
      in_frames_ = name == "frames";
      has_frames_ = has_frames_ || in_frames_;
      if (name == "params") read_attributes(attributes, "model", frames_.description().model);
    } else if (in_frames_ && name == "frame") {
      if (depth_ > 3) refuse("a <frame> that does not stand in <frames> itself");
      read_frame(attributes);
    }
  }
  void close() {
    latest_tag_ = XML_GetCurrentByteIndex(parser_.get());
    --depth_;
  }

  static void read_attributes(const char** attributes, std::string_view name, std::string& to) {
    for (; *attributes != nullptr; attributes += 2)
      if (attributes[0] == name) to = attributes[1];
  }

  void read_frame(const char** attributes) {
    std::string number;
    read_attributes(attributes, "frameNum", number);
    const std::optional<std::int64_t> parsed = parse_frame_number(number);
    if (!parsed) refuse("a frame without a valid frameNum");
    frames_.begin_frame();
    frames_.number_frame(*parsed);
    for (; *attributes != nullptr; attributes += 2) frames_.add_value(attributes[0], attributes[1]);
    frames_.end_frame();
  }

  void refuse_nul(std::string_view text) {
    const std::size_t nul = text.find('\0');
    if (nul != std::string_view::npos)
      fail("{}: a NUL byte at byte {}", source_.name(),
           static_cast<std::uint64_t>(position_) + nul);
  }
  [[noreturn]] void refuse(std::string_view why) { fail("{}:{}: {}", source_.name(), line(), why); }
  [[noreturn]] void refuse_syntax() {
    const XML_Error code = XML_GetErrorCode(parser_.get());
    if (code == XML_ERROR_NO_MEMORY) throw std::bad_alloc();
    if (code == XML_ERROR_JUNK_AFTER_DOC_ELEMENT)
      refuse(fmt::format("not well-formed XML: something follows </{}>: logs put one behind the "
                         "other are scored one by one",
                         printable(root_, 80)));
    refuse(fmt::format("not well-formed XML at byte {}: {}", XML_GetCurrentByteIndex(parser_.get()),
                       XML_ErrorString(code)));
  }

  byte_source& source_;
  frame_stream frames_;
  std::unique_ptr<XML_ParserStruct, decltype(&XML_ParserFree)> parser_;
  std::exception_ptr thrown_;
  std::string root_;
  int depth_ = 0;
  bool in_frames_ = false, has_frames_ = false;
  XML_Index position_ = 0, latest_tag_ = 0; // bytes read, and where the latest tag began
};

} // namespace

void read_xml_log(byte_source& source, const log_options& options, row_sink& sink) {
  xml_log(source, options, sink).read();
}

} // namespace tinymlp::tools
