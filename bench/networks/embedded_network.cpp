#include "embedded_network.hpp"

#include <string>

namespace tinymlp::bench {
namespace {

// No flag for this machine: the header chooses its instruction set itself.
constexpr const char* compiler = TINYMLP_BENCH_CXX " -std=c++20 -O2 -I '" TINYMLP_BENCH_INCLUDE "'";

std::string source_of(std::span<const char> model) {
  std::string text = "#include <tinymlp/tinymlp.hpp>\n\n"
                     "static constexpr unsigned char model[] = {";
  for (const char byte : model)
    text += std::to_string(static_cast<int>(static_cast<unsigned char>(byte))) + ",";
  text += R"(};
static constexpr auto net = tinymlp::embed<model>();
using type = tinymlp::network_of<model>;

// network<...> has one output and only scores; mlp<...> has any number of values.
template <class Net> void score_row(const Net& with, const float* in, float* out) {
  const typename Net::row_view row(in, Net::inputs);
  if constexpr (requires { typename Net::values; }) {
    const auto values = with.run(row);
    for (std::size_t i = 0; i < values.size(); ++i) out[i] = values[i];
  } else {
    *out = with.score(row);
  }
}
template <class Net>
void score_rows(const Net& with, const float* in, std::size_t count, float* out) {
  const std::span rows(in, count * Net::inputs);
  if constexpr (requires { typename Net::values; })
    static_cast<void>(with.run(rows, std::span(out, count * Net::outputs)));
  else
    static_cast<void>(with.score(rows, std::span(out, count)));
}

extern "C" void embedded_row(const float* in, float* out) { score_row(net, in, out); }
extern "C" void embedded_rows(const float* in, std::size_t count, float* out) {
  score_rows(net, in, count, out);
}
)";
  return text;
}

bool compiles() {
  try {
    const compiled_library made("int tinymlp_bench;\n", "empty.cpp", compiler);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

} // namespace

embedded_network::embedded_network(const network_file& network)
    : library_(source_of(network.model()), "embedded.cpp", compiler),
      row_(library_.function<decltype(row_)>("embedded_row")),
      rows_(library_.function<decltype(rows_)>("embedded_rows")) {}

bool embedded_network::can_embed(const network_file& network) {
  static const bool compiler_found = compiles();
  return compiler_found && network.external().size() == 0 && network.parameters() <= 50'000;
}

} // namespace tinymlp::bench
