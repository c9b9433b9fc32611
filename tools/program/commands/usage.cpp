#include "commands/usage.hpp"

#include <array>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "logs/number.hpp"
#include "system/failure.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

constexpr std::size_t longest = 200;

bool is_number(std::string_view text) { return parse_number(text).status == number_status::ok; }

// `--option= VALUE`: the parser takes what follows for the option's value.
std::string hint_of_empty_value(std::string_view argument, std::string_view next) {
  if (!argument.starts_with("--") || !argument.ends_with('=')) return {};
  argument.remove_suffix(1);
  return fmt::format("{0}= takes {1} for its value; for an empty one write: {0} \"\" {1}",
                     printable(argument, longest), printable(next, longest));
}

// `--flag VALUE` of a flag that takes a value only behind "=".
std::string hint_of_apart_value(const CLI::App& command, std::string_view argument,
                                std::string_view next) {
  if (!argument.starts_with("--") || !is_number(next)) return {};
  const CLI::Option* option = command.get_option_no_throw(std::string(argument));
  if (option == nullptr || option->get_items_expected_max() != 0) return {};
  return fmt::format("{1} is taken for a file; a value of {0} is written: {0}={1}",
                     printable(argument, longest), printable(next, longest));
}

// `--option LOG` where the log was meant for the input.
std::string hint_of_taken_input(const CLI::App& command, std::string_view argument,
                                std::string_view next) {
  if (!argument.starts_with("--") || ::access(std::string(next).c_str(), F_OK) != 0) return {};
  const CLI::Option* option = command.get_option_no_throw(std::string(argument));
  if (option == nullptr || option->get_items_expected_max() == 0) return {};
  return fmt::format("{} takes {} for its value", printable(argument, longest),
                     printable(next, longest));
}

std::string hint(const CLI::App& command, bool lacks_something,
                 std::span<const char* const> arguments) {
  for (const std::string& rest : command.remaining())
    if (lacks_something && rest.starts_with('-') && rest.size() > 1)
      return fmt::format("there is no option {}", printable(rest, longest));
  for (std::size_t i = 0; i + 1 < arguments.size(); ++i) {
    const std::string_view argument = arguments[i], next = arguments[i + 1];
    if (std::string found = hint_of_empty_value(argument, next); !found.empty()) return found;
    if (std::string found = hint_of_apart_value(command, argument, next); !found.empty())
      return found;
    if (!lacks_something) continue;
    if (std::string found = hint_of_taken_input(command, argument, next); !found.empty())
      return found;
  }
  return {};
}

} // namespace

std::string describe_usage(const CLI::App& app, const CLI::ParseError& error,
                           std::span<const char* const> arguments) {
  const CLI::App* command = &app;
  std::string name = app.get_name();
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    name += " " + command->get_name();
  }
  // CLI11 breaks lines in lists; a message is one line.
  std::string what = error.what();
  for (char& c : what)
    if (c == '\n') c = ' ';
  while (what.ends_with(' ')) what.pop_back();
  const bool lacks_something = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  const std::string advice = hint(*command, lacks_something, arguments);
  return fmt::format("{}{}{}; {} --help says more", what, advice.empty() ? "" : ": ", advice, name);
}

void require_svg_name(std::string_view path) {
  if (path == "-") throw usage_error("--plot needs the name of a file");
  const std::size_t dot = path.rfind('.');
  if (dot == std::string_view::npos) return;
  const std::string ending = small_letters(path.substr(dot + 1));
  for (const std::string_view other : std::to_array<std::string_view>(
           {"png", "jpg", "jpeg", "gif", "webp", "bmp", "tif", "tiff", "pdf", "ps", "eps", "html"}))
    if (ending == other)
      throw usage_error(
          fmt::format("--plot: {}: pictures are SVG: name it .svg, and convert it with "
                      "a tool such as rsvg-convert where another form is needed",
                      printable(path, longest)));
}

} // namespace tinymlp::tools
