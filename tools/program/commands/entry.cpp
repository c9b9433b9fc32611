#include "commands/entry.hpp"

#include <csignal>
#include <cstdlib>
#include <exception>
#include <new>
#include <sstream>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include "commands/usage.hpp"
#include "system/atomic_file.hpp"
#include "system/failure.hpp"
#include "system/terminal.hpp"
#include "system/version.hpp"

namespace tinymlp::tools {

namespace {

int parse(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    std::ostringstream text, nothing;
    app.exit(help_or_version, text, nothing);
    print(text.str()); // which sees a full disk
  } catch (const CLI::ParseError& error) {
    // CLI11 comes to what it did not understand only after what is missing.
    if (app.get_require_subcommand_min() > 0 && app.get_subcommands().empty() &&
        !app.remaining().empty())
      throw usage_error(fmt::format("no command or option '{}'; {} --help lists them",
                                    app.remaining()[0], app.get_name()));
    throw usage_error(describe_usage(app, error, {argv, static_cast<std::size_t>(argc)}));
  }
  return exit_success;
}

// Were one of the three closed, the next file opened would take its number, and messages or scores
// would go into it. Opened the wrong way round, so that using them is still an error.
void occupy_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(descriptor, F_GETFD) == -1)
      static_cast<void>(::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY));
}

} // namespace

void end_by_signal(int signal_number) {
  static_cast<void>(std::signal(signal_number, SIG_DFL));
  static_cast<void>(std::raise(signal_number));
  std::_Exit(128 + signal_number); // where the signal is blocked
}

int run_program(CLI::App& app, void (*describe)(CLI::App& app), int argc, char** argv) {
  occupy_standard_descriptors();
  // Both come back from write() as errors, so that what was begun is cleared away first.
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  static_cast<void>(std::signal(SIGXFSZ, SIG_IGN));
  try {
    app.set_version_flag("--version", app.get_name() + " " + std::string(version));
    describe(app);
    return parse(app, argc, argv);
  } catch (const usage_error& error) {
    print_message("", error.what());
    return exit_usage;
  } catch (const reader_gone&) {
    end_by_signal(SIGPIPE);
  } catch (const told_failure&) {
    return exit_failure;
  } catch (const failure& error) {
    print_message("", error.what());
    return exit_failure;
  } catch (const std::bad_alloc&) {
    print_message("", "out of memory");
    return exit_failure;
  } catch (const std::exception& error) {
    print_message("", error.what());
    return exit_failure;
  }
}

} // namespace tinymlp::tools
