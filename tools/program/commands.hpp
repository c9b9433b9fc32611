// The subcommands. A new one is a file that defines its add_..._command and a line here and in
// main.cpp.
#pragma once

namespace CLI {
class App;
}

namespace tinymlp::tools {

void add_score_command(CLI::App& app);
void add_run_command(CLI::App& app);
void add_inspect_command(CLI::App& app);
void add_embed_command(CLI::App& app);
void add_latency_command(CLI::App& app);
void add_quant_drop_command(CLI::App& app);
void add_quantize_command(CLI::App& app);
void add_registry_command(CLI::App& app);
void add_isa_command(CLI::App& app);
void add_signature_command(CLI::App& app);
void add_completion_command(CLI::App& app);
void add_manual_command(CLI::App& app);

} // namespace tinymlp::tools
