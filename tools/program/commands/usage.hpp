// What is said of a command line that the option parser refuses, and what all commands ask of
// their options alike.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace CLI {
class App;
class ParseError;
} // namespace CLI

namespace tinymlp::tools {

// One line: what is wrong, what to write instead where that can be told, and which --help says
// more.
std::string describe_usage(const CLI::App& app, const CLI::ParseError& error,
                           std::span<const char* const> arguments);

// Throws usage_error for the name of a picture that is not SVG, and for "-".
void require_svg_name(std::string_view path);

} // namespace tinymlp::tools
