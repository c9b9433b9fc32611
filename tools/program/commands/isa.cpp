// `tinymlp isa`: the instruction sets, and which kernels are in use. `tinymlp signature`: the hash
// over the engine's scores.
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <tinymlp/tinymlp.hpp>

#include "system/atomic_file.hpp"
#include "commands.hpp"
#include "system/failure.hpp"
#include "models/engine_signature.hpp"

namespace tinymlp::tools {

namespace {

template <class Net>
using weights_of = std::remove_cvref_t<decltype(std::declval<Net>().weights())>;

// The name of the kernels that score networks of one precision on an instruction set.
template <class Net> std::string_view kernels_on(isa which) {
  return name(kernels::kernel_of<weights_of<Net>>(which).id);
}

void print_isa() {
  atomic_file out("");
  out.write(fmt::format("{:<14}{:<11}{:<10}{:<14}{}\n", "name", "this build", "this CPU",
                        "fp32 kernels", "int8 kernels"));
  for (std::size_t i = 0; i < isa_count; ++i) {
    const auto which = static_cast<isa>(i);
    const bool built = kernels::built().contains(which), runs = supported(which);
    out.write(fmt::format("{:<14}{:<11}{:<10}{:<14}{}{}\n", name(which), built ? "yes" : "no",
                          runs ? "yes" : "no", runs ? kernels_on<mlp_small>(which) : "-",
                          runs ? kernels_on<mlp_small_int8>(which) : "-",
                          which == selected() ? "  <- in use" : ""));
  }
  out.commit();
}

void print_signature(const std::string& wanted) {
  atomic_file out("");
  if (wanted == "all") {
    const std::uint64_t expected = signature(isa::reference);
    for (const isa which : supported()) {
      const std::uint64_t found = signature(which);
      out.write(fmt::format("{:016x} {}\n", found, name(which)));
      if (found != expected) fail("signature: {} differs from the reference", name(which));
    }
  } else {
    const std::optional<isa> which = wanted.empty() ? selected() : isa_from_name(wanted);
    if (!which) throw usage_error(fmt::format("--isa: no instruction set {}", wanted));
    if (!supported(*which)) fail("--isa: {}: {}", wanted, message(status::isa_unsupported));
    out.write(fmt::format("{:016x}\n", signature(*which)));
  }
  out.commit();
}

} // namespace

void add_isa_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("isa", "List the instruction sets and the kernels in use");
  command->footer("An instruction set without kernels of its own for a precision runs those of the "
                  "one\nbelow it: float32 does not gain from VNNI.");
  command->callback([] { print_isa(); });
}

void add_signature_command(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("signature", "Print a hash over the scores of a fixed set of rows");
  auto wanted = std::make_shared<std::string>();
  command->add_option("--isa", *wanted, "Score with this instruction set; \"all\" for each in turn")
      ->type_name("NAME");
  command->footer("All shipped networks, fp32 and int8, alone and in a batch. The hash is the same "
                  "on every\ninstruction set, compiler and machine; README.md tells it.");
  command->callback([wanted] { print_signature(*wanted); });
}

} // namespace tinymlp::tools
