// Writes the shipped networks' weights as plain C arrays, for the code that scores them without
// tinymlp (loops, Eigen). Runs on the machine that builds.
#include <cstdio>

#include <tinymlp/tinymlp.hpp>

namespace {

using namespace tinymlp;

class header {
public:
  explicit header(const char* path) : file_(std::fopen(path, "w")) {}
  header(const header&) = delete;
  header& operator=(const header&) = delete;

  bool opened() const { return file_ != nullptr; }
  bool close() { return std::ferror(file_) == 0 && std::fclose(file_) == 0; }

  void line(const char* text) { std::fprintf(file_, "%s\n", text); }

  // static const TYPE name[size] = {value(0), value(1), ...};
  template <class Value>
  void array(const char* type, const char* network, const char* part, std::size_t layer,
             std::size_t size, Value value) {
    std::fprintf(file_, "static const %s %s_%s%zu[%zu] = {", type, network, part, layer, size);
    for (std::size_t i = 0; i < size; ++i) {
      std::fputs(i % 8 == 0 ? "\n  " : " ", file_);
      write(value(i));
    }
    std::fputs("};\n", file_);
  }

private:
  void write(float value) { std::fprintf(file_, "%aF,", static_cast<double>(value)); }
  void write(std::int8_t value) { std::fprintf(file_, "%d,", value); }

  std::FILE* file_;
};

template <class Net, class Quantized>
void write_network(header& out, const char* name, const Net& net, const Quantized& quantized) {
  constexpr auto sizes = Net::shape_type::sizes;
  const auto& scaler = net.scaler();
  out.array("float", name, "mean", 0, sizes[0], [&](std::size_t i) { return scaler.mean[i]; });
  out.array("float", name, "std", 0, sizes[0],
            [&](std::size_t i) { return scaler.divisor[i] / scaler.multiplier[i]; });
  for (std::size_t l = 0; l < Net::shape_type::layer_count; ++l) {
    const std::size_t outputs = sizes[l + 1], weights = sizes[l] * outputs;
    const std::size_t inputs = sizes[l];
    out.array("float", name, "bias", l, outputs, [&](std::size_t o) { return net.bias(l, o); });
    out.array("float", name, "weight", l, weights,
              [&](std::size_t i) { return net.weight(l, i / outputs, i % outputs); });
    out.array("float", name, "weight_t", l, weights,
              [&](std::size_t i) { return net.weight(l, i % inputs, i / inputs); });
    out.array("signed char", name, "q", l, weights,
              [&](std::size_t i) { return quantized.weight(l, i / outputs, i % outputs); });
    out.array("float", name, "scale", l, 1,
              [&](std::size_t) { return quantized.weight_scale(l, 0); });
  }
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: write_plain_weights FILE\n", stderr);
    return 2;
  }
  header out(argv[1]);
  if (!out.opened()) {
    std::perror(argv[1]);
    return 1;
  }
  out.line(
      "// The shipped networks, row-major: weight [input][output], weight_t [output][input]; q is\n"
      "// the int8 weight [input][output] and scale its one scale. Generated.");
  out.line("#pragma once\n");
  write_network(out, "mlp_small", vmaf::small(), vmaf::small_int8());
  write_network(out, "mlp_medium", vmaf::medium(), vmaf::medium_int8());
  write_network(out, "mlp_large", vmaf::large(), vmaf::large_int8());
  if (!out.close()) {
    std::perror(argv[1]);
    return 1;
  }
  return 0;
}
