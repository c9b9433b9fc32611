// The program `tinymlp`: its subcommands.
#include <CLI/CLI.hpp>

#include "commands.hpp"
#include "commands/entry.hpp"

namespace {

using namespace tinymlp::tools;

constexpr auto commands = {add_score_command,    add_run_command,        add_inspect_command,
                           add_embed_command,    add_quantize_command,   add_quant_drop_command,
                           add_registry_command, add_isa_command,        add_signature_command,
                           add_latency_command,  add_completion_command, add_manual_command};

void describe(CLI::App& app) {
  app.require_subcommand(1);
  app.footer("Exit status: 0 success, 1 the input or a check failed, 2 wrong usage.\n"
             "tinymlp COMMAND --help says more.");
  for (const auto add : commands) add(app);
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app("Scores small multilayer perceptrons stored as ONNX: VMAF per frame (vmaf_v0.6.1 "
               "or vmaf_4k_v0.6.1), from six libvmaf features, and any other network over a CSV.",
               "tinymlp");
  return run_program(app, describe, argc, argv);
}
