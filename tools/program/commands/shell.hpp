// What an option parser knows of itself, for a shell and for man: for every program of this
// folder's kind.
#pragma once

#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace tinymlp::tools {

// The completion for "bash", "zsh" or "fish"; `made_by` is the command line that prints it.
std::string completion(const CLI::App& app, std::string_view shell, std::string_view made_by);

// The manual page; `purpose` is what stands behind the name.
std::string manual_page(const CLI::App& app, std::string_view purpose, std::string_view made_by);

// Adds --completion SHELL and, not shown, --manual: for a program that has no commands.
void add_shell_options(CLI::App& app, std::string_view purpose);

} // namespace tinymlp::tools
