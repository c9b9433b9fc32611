// What a program does around its own work: standard streams that are there, signals of writing as
// errors, help and usage, and what its exit status means.
#pragma once

namespace CLI {
class App;
}

namespace tinymlp::tools {

// Parses the command line and runs the callbacks of `app`, to which `describe` adds options and
// commands. Returns the exit status; errors have been told on standard error by then.
int run_program(CLI::App& app, void (*describe)(CLI::App& app), int argc, char** argv);

// Ends the program as that signal ends one, which a shell that runs it in a loop wants to see.
[[noreturn]] void end_by_signal(int signal_number);

} // namespace tinymlp::tools
