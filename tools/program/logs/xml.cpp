// libvmaf's XML log: <VMAF version="..."><frames><frame frameNum="0" key="value"/>...
// The same since 1.3 but for attributes outside of <frames>, which carry nothing needed here.
#include <algorithm>
#include <cstring>
#include <string_view>

#include <pugixml.hpp>

#include "system/failure.hpp"
#include "logs/frame_table.hpp"
#include "logs/log_reader.hpp"

namespace tinymlp::tools {

namespace {

constexpr std::size_t largest_xml = std::size_t{1} << 30;

void add_frame(const pugi::xml_node& node, std::size_t line, const std::string& file,
               frame_table& table) {
  const pugi::xml_attribute number_attribute = node.attribute("frameNum");
  const std::optional<std::int64_t> number = parse_frame_number(number_attribute.value());
  if (!number) fail("{}:{}: a frame without a valid frameNum", file, line);
  if (node.child("frame")) fail("{}:{}: a <frame> inside a <frame>", file, line);
  table.add_frame(*number, line);
  for (const pugi::xml_attribute& attribute : node.attributes())
    if (is_score_key(attribute.name())) table.add_value(attribute.name(), attribute.value(), line);
}

} // namespace

void read_xml_log(byte_source& source, const log_options& options, row_sink& sink) {
  const std::string& file = source.name();
  held_text text = read_whole(source, largest_xml, 1, "a log this long can be read as CSV");
  const std::size_t nul = text.view().find('\0');
  if (nul != std::string_view::npos) fail("{}: a NUL byte at byte {}", file, nul);
  // Built first: pugixml takes the text apart in place.
  const line_index lines(text.view());
  pugi::xml_document document;
  const pugi::xml_parse_result parsed = document.load_buffer_inplace(
      text.bytes.data(), text.size, pugi::parse_default, pugi::encoding_utf8);
  const auto line_of = [&](std::ptrdiff_t offset) {
    return lines.line_of(static_cast<std::size_t>(std::max<std::ptrdiff_t>(offset, 0)));
  };
  if (!parsed)
    fail("{}:{}: not well-formed XML at byte {}: {}", file, line_of(parsed.offset), parsed.offset,
         parsed.description());

  const pugi::xml_node root = document.document_element();
  if (const pugi::xml_node after = root.next_sibling(); after.type() == pugi::node_element)
    fail("{}:{}: a second element after <VMAF>", file, line_of(after.offset_debug()));
  if (std::strcmp(root.name(), "VMAF") != 0)
    fail("{}:{}: the root element is <{}>, not <VMAF>", file, line_of(root.offset_debug()),
         root.name());
  if (!root.child("frames")) fail("{}: <VMAF> has no <frames>: not a libvmaf log", file);

  frame_table table(file);
  for (const pugi::xml_node& frames : root.children("frames"))
    for (const pugi::xml_node& frame : frames.children("frame"))
      add_frame(frame, line_of(frame.offset_debug()), file, table);
  log_description description;
  description.format = "libvmaf XML";
  description.version = root.attribute("version").value();
  table.emit(std::move(description), options, sink);
}

} // namespace tinymlp::tools
