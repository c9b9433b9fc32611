// The program `tinymlp`: its subcommands, and what its exit status means.
#include <csignal>
#include <exception>
#include <new>
#include <sstream>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include "commands.hpp"
#include "commands/usage.hpp"
#include "system/atomic_file.hpp"
#include "system/failure.hpp"
#include "system/terminal.hpp"
#include "system/version.hpp"

namespace {

using namespace tinymlp::tools;

constexpr auto commands = {add_score_command,    add_run_command,        add_inspect_command,
                           add_embed_command,    add_quantize_command,   add_quant_drop_command,
                           add_registry_command, add_isa_command,        add_signature_command,
                           add_latency_command,  add_completion_command, add_manual_command};

int run(int argc, char** argv) {
  CLI::App app("Scores small multilayer perceptrons stored as ONNX: VMAF per frame (vmaf_v0.6.1 "
               "or vmaf_4k_v0.6.1), from six libvmaf features, and any other network over a CSV.");
  app.name("tinymlp");
  app.set_version_flag("--version", "tinymlp " + std::string(version));
  app.require_subcommand(1);
  app.footer("Exit status: 0 success, 1 the input or a check failed, 2 wrong usage.\n"
             "tinymlp COMMAND --help says more.");
  for (const auto add : commands) add(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    std::ostringstream text, nothing;
    app.exit(help_or_version, text, nothing);
    atomic_file out("-"); // which sees a full disk
    out.write(text.str());
    out.commit();
  } catch (const CLI::ParseError& error) {
    // CLI11 comes to what it did not understand only after what is missing.
    if (app.get_subcommands().empty() && !app.remaining().empty())
      throw usage_error(
          fmt::format("no command or option '{}'; tinymlp --help lists them", app.remaining()[0]));
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

int main(int argc, char** argv) {
  occupy_standard_descriptors();
  // Both come back from write() as errors, so that what was begun is cleared away first.
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  static_cast<void>(std::signal(SIGXFSZ, SIG_IGN));
  try {
    return run(argc, argv);
  } catch (const usage_error& error) {
    print_message("", error.what());
    return exit_usage;
  } catch (const reader_gone&) {
    static_cast<void>(std::signal(SIGPIPE, SIG_DFL));
    static_cast<void>(std::raise(SIGPIPE));
    return 128 + SIGPIPE; // where the signal is blocked
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
