#include "scores/score_writer.hpp"

#include <fmt/format.h>

#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

// libvmaf's model with float extractors gives the same score but for their last digits.
std::string without_float(std::string name) {
  constexpr std::string_view mark = "float_";
  const std::size_t at = name.find(mark);
  return at == std::string::npos ? name : name.erase(at, mark.size());
}

} // namespace

bool compares(const score_context& context) {
  if (!context.log.has_vmaf) return false;
  const std::string& predicted = context.network.predicts;
  return predicted.empty() || context.log.own_model.empty() ||
         without_float(context.log.own_model) == predicted;
}

std::string own_name(const log_description& log) {
  return log.own_key == "vmaf" ? "libvmaf" : printable(log.own_key, 24);
}

std::string why_not_compared(const score_context& context) {
  return fmt::format("the log's own score ({}) is of {}, {} predicts {}: not compared",
                     printable(context.log.own_key, 80), printable(context.log.own_model, 80),
                     printable(context.network.name, 80), context.network.predicts);
}

} // namespace tinymlp::tools
