#include "generated_loops.hpp"

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <utility>
#include <vector>

namespace tinymlp::bench {

namespace {

std::string number(std::size_t n) { return std::to_string(n); }
std::string number(float value) {
  char text[40];
  std::snprintf(text, sizeof text, "%af", static_cast<double>(value)); // exact
  return text;
}

// Of one value `x`, as C; `slope` is the name of prelu's, with its index.
std::string activation_text(const layer& l, const std::string& x, const std::string& slope) {
  const std::string a = number(l.alpha), b = number(l.beta);
  const std::string elu = "expf(" + x + ") - 1";
  // -ffast-math divides by a reciprocal and Newton's iteration: 1 / infinity would be NaN.
  const auto sigmoid = [](const std::string& of) {
    return "1 / (1 + expf(fminf(-(" + of + "), 80)))";
  };
  const auto softplus = [](const std::string& of) {
    return "(" + of + " > 80 ? " + of + " : logf(1 + expf(" + of + ")))";
  };
  const auto between = [](const std::string& of, const std::string& low, const std::string& high) {
    return "fminf(fmaxf(" + of + ", " + low + "), " + high + ")";
  };
  switch (l.activates) {
  case activation::identity: return x;
  case activation::relu: return x + " > 0 ? " + x + " : 0";
  case activation::leaky_relu: return x + " < 0 ? " + a + " * " + x + " : " + x;
  case activation::prelu: return x + " < 0 ? " + slope + " * " + x + " : " + x;
  case activation::clip: return between(x, a, b);
  case activation::hard_sigmoid: return between(a + " * " + x + " + " + b, "0", "1");
  case activation::hard_swish: return x + " * " + between(x + " / 6 + 0.5f", "0", "1");
  case activation::thresholded_relu: return x + " > " + a + " ? " + x + " : 0";
  case activation::elu: return x + " < 0 ? " + a + " * (" + elu + ") : " + x;
  case activation::selu: return b + " * (" + x + " <= 0 ? " + a + " * (" + elu + ") : " + x + ")";
  case activation::celu:
    return "fmaxf(0, " + x + ") + fminf(0, " + a + " * (expf(" + x + " / " + a + ") - 1))";
  case activation::sigmoid: return sigmoid(x);
  case activation::tanh: return "tanhf(" + x + ")";
  case activation::softplus: return softplus(x);
  case activation::softsign: return x + " / (1 + fabsf(" + x + "))";
  case activation::silu: return x + " * (" + sigmoid(a + " * " + x) + ")";
  case activation::gelu: return x + " * 0.5f * (1 + erff(" + x + " * 0x1.6a09e6p-1f))";
  case activation::gelu_tanh:
    return x + " * 0.5f * (1 + tanhf(0x1.988454p-1f * (" + x + " + 0.044715f * " + x + " * " + x +
           " * " + x + ")))";
  case activation::mish: return x + " * tanhf(" + softplus(x) + ")";
  }
  throw std::runtime_error("an activation that plain loops do not know");
}

struct source {
  std::string text;
  std::size_t index = 0; // of the layer

  source& add(std::string_view line) {
    text += line;
    text += '\n';
    return *this;
  }
  std::string name(const char* what) const { return what + number(index); }
};

// y[o] = activation(y[o])
void add_activation(source& to, const layer& l) {
  if (l.activates == activation::identity) return;
  to.add("  for (int o = 0; o < " + number(l.outputs) +
         "; ++o) y[o] = " + activation_text(l, "y[o]", to.name("slope") + "[o]") + ";");
}

void add_row_dense(source& to, const layer& l, bool dot) {
  const std::string in = number(l.inputs), out = number(l.outputs);
  if (dot)
    to.add("  for (int o = 0; o < " + out + "; ++o) {")
        .add("    float sum = " + to.name("bias") + "[o];")
        .add("    for (int i = 0; i < " + in + "; ++i) sum += " + to.name("weight") + "[o * " + in +
             " + i] * x[i];")
        .add("    y[o] = sum;")
        .add("  }");
  else
    to.add("  for (int o = 0; o < " + out + "; ++o) y[o] = " + to.name("bias") + "[o];")
        .add("  for (int i = 0; i < " + in + "; ++i)")
        .add("    for (int o = 0; o < " + out + "; ++o) y[o] += " + to.name("weight_t") + "[i * " +
             out + " + o] * x[i];");
}

void add_row_norm(source& to, const layer& l) {
  const std::string n = number(l.inputs);
  to.add("  float mean = 0, square = 0;")
      .add("  for (int i = 0; i < " + n + "; ++i) mean += x[i];")
      .add("  mean /= " + n + ";")
      .add("  for (int i = 0; i < " + n + "; ++i) square += (x[i] - mean) * (x[i] - mean);")
      .add("  const float by = 1 / sqrtf(square / " + n + " + " + number(l.alpha) + ");")
      .add("  for (int i = 0; i < " + n + "; ++i) y[i] = (x[i] - mean) * by * " +
           to.name("weight") + "[i] + " + to.name("bias") + "[i];");
}

void add_row_softmax(source& to, const layer& l) {
  const std::string n = number(l.inputs);
  to.add("  float most = x[0], sum = 0;")
      .add("  for (int i = 1; i < " + n + "; ++i) most = x[i] > most ? x[i] : most;")
      .add("  for (int i = 0; i < " + n + "; ++i) y[i] = expf(x[i] - most);")
      .add("  for (int i = 0; i < " + n + "; ++i) sum += y[i];");
  if (l.kind == layer_kind::softmax)
    to.add("  for (int i = 0; i < " + n + "; ++i) y[i] /= sum;");
  else
    to.add("  for (int i = 0; i < " + n + "; ++i) y[i] = x[i] - most - logf(sum);");
}

// One layer of one row as a function layerN(x, y).
void add_row_layer(source& to, const layer& l, bool dot) {
  to.add("static inline void " + to.name(dot ? "dot" : "axpy") +
         "(const float* restrict x, float* restrict y) {");
  switch (l.kind) {
  case layer_kind::dense: add_row_dense(to, l, dot); break;
  case layer_kind::scale:
    to.add("  for (int o = 0; o < " + number(l.outputs) + "; ++o) y[o] = x[o] * " +
           to.name("weight") + "[o] + " + to.name("bias") + "[o];");
    break;
  case layer_kind::layer_norm: add_row_norm(to, l); break;
  case layer_kind::softmax:
  case layer_kind::log_softmax: add_row_softmax(to, l); break;
  case layer_kind::slice:
    to.add("  for (int o = 0; o < " + number(l.outputs) + "; ++o) y[o] = x[" + number(l.begin) +
           " + o];");
    break;
  }
  add_activation(to, l);
  to.add("}");
}

// Blocks: values [value][ROWS], so that rows lie across the vectors. Four outputs share what is
// loaded.
void add_block_dense(source& to, const layer& l) {
  const std::string in = number(l.inputs);
  const auto outputs = [&](std::size_t from, std::size_t end, std::size_t together) {
    if (from == end) return;
    const std::string many = number(together);
    to.add("  for (int o = " + number(from) + "; o < " + number(end) + "; o += " + many + ") {")
        .add("    float sum[" + many + "][ROWS];")
        .add("    for (int k = 0; k < " + many + "; ++k)")
        .add("      for (int r = 0; r < ROWS; ++r) sum[k][r] = " + to.name("bias") + "[o + k];")
        .add("    for (int i = 0; i < " + in + "; ++i)")
        .add("      for (int k = 0; k < " + many + "; ++k)")
        .add("        for (int r = 0; r < ROWS; ++r)")
        .add("          sum[k][r] += " + to.name("weight") + "[(o + k) * " + in +
             " + i] * x[i][r];")
        .add("    for (int k = 0; k < " + many + "; ++k)")
        .add("      for (int r = 0; r < ROWS; ++r) y[o + k][r] = sum[k][r];")
        .add("  }");
  };
  const std::size_t whole = l.outputs / 4 * 4;
  outputs(0, whole, 4);
  outputs(whole, l.outputs, 1);
}

void add_block_layer(source& to, const layer& l) {
  to.add("static inline void " + to.name("block") +
         "(float (*restrict x)[ROWS], float (*restrict y)[ROWS]) {");
  const std::string out = number(l.outputs);
  if (l.kind == layer_kind::dense) {
    add_block_dense(to, l);
  } else if (l.kind == layer_kind::scale) {
    to.add("  for (int o = 0; o < " + out + "; ++o)")
        .add("    for (int r = 0; r < ROWS; ++r) y[o][r] = x[o][r] * " + to.name("weight") +
             "[o] + " + to.name("bias") + "[o];");
  } else if (l.kind == layer_kind::slice) {
    to.add("  for (int o = 0; o < " + out + "; ++o)")
        .add("    for (int r = 0; r < ROWS; ++r) y[o][r] = x[" + number(l.begin) + " + o][r];");
  } else { // over all values: row by row
    to.add("  float in[" + number(l.inputs) + "], of[" + out + "];")
        .add("  for (int r = 0; r < ROWS; ++r) {")
        .add("    for (int i = 0; i < " + number(l.inputs) + "; ++i) in[i] = x[i][r];")
        .add("    " + to.name("dot") + "(in, of);")
        .add("    for (int o = 0; o < " + out + "; ++o) y[o][r] = of[o];")
        .add("  }");
  }
  if (l.activates != activation::identity)
    to.add("  for (int o = 0; o < " + out + "; ++o)")
        .add("    for (int r = 0; r < ROWS; ++r) y[o][r] = " +
             activation_text(l, "y[o][r]", to.name("slope") + "[o]") + ";");
  to.add("}");
}

void add_array(source& to, const char* what, std::size_t size) {
  if (size != 0)
    to.add("float " + to.name(what) + "[" + number(size) + "] __attribute__((aligned(64)));");
}

void add_layers(source& to, std::span<const layer> layers) {
  for (to.index = 0; to.index < layers.size(); ++to.index) {
    const layer& l = layers[to.index];
    add_array(to, "weight", l.weight.size());
    if (l.kind == layer_kind::dense) add_array(to, "weight_t", l.weight.size());
    add_array(to, "bias", l.bias.size());
    add_array(to, "slope", l.slope.size());
    add_row_layer(to, l, true);
    add_row_layer(to, l, false);
    add_block_layer(to, l);
  }
}

// Values go to and fro between two arrays.
void add_calls(source& to, std::span<const layer> layers, const char* function,
               const std::string& first, const std::string& last) {
  for (to.index = 0; to.index < layers.size(); ++to.index) {
    const bool even = to.index % 2 == 0;
    const std::string from = to.index == 0 ? first : even ? "b" : "a";
    const std::string into = to.index + 1 == layers.size() ? last : even ? "a" : "b";
    to.add("  " + to.name(function) + "(" + from + ", " + into + ");");
  }
}

} // namespace

std::string loops_source(std::span<const layer> layers, std::size_t block) {
  const std::string in = number(layers.front().inputs), out = number(layers.back().outputs);
  std::size_t most = 1;
  for (const layer& l : layers) most = std::max({most, l.inputs, l.outputs});
  source to;
  to.add("#include <math.h>").add("#include <stddef.h>");
  to.add("#define ROWS " + number(block));
  add_layers(to, layers);
  for (const char* function : {"dot", "axpy"}) {
    to.add(std::string("void ") + function + "_row(const float* in, float* out) {")
        .add("  float a[" + number(most) + "] __attribute__((aligned(64))), b[" + number(most) +
             "] __attribute__((aligned(64)));");
    add_calls(to, layers, function, "in", "out");
    to.add("}");
  }
  to.add("static float in[" + in + "][ROWS] __attribute__((aligned(64))), out[" + out +
         "][ROWS] __attribute__((aligned(64)));")
      .add("static float a[" + number(most) + "][ROWS] __attribute__((aligned(64))), b[" +
           number(most) + "][ROWS] __attribute__((aligned(64)));")
      .add("static void score_block(void) {");
  add_calls(to, layers, "block", "in", "out");
  to.add("}")
      .add("void block_rows(const float* x, size_t count, float* y) {")
      .add("  for (; count >= ROWS; count -= ROWS) {")
      .add("    for (int r = 0; r < ROWS; ++r)")
      .add("      for (int i = 0; i < " + in + "; ++i) in[i][r] = x[r * " + in + " + i];")
      .add("    score_block();")
      .add("    for (int r = 0; r < ROWS; ++r)")
      .add("      for (int o = 0; o < " + out + "; ++o) y[r * " + out + " + o] = out[o][r];")
      .add("    x += ROWS * " + in + ", y += ROWS * " + out + ";")
      .add("  }")
      .add("  for (; count > 0; --count, x += " + in + ", y += " + out + ") dot_row(x, y);")
      .add("}");
  return to.text;
}

namespace {

std::vector<float> transposed(const layer& l) {
  std::vector<float> to(l.weight.size());
  for (std::size_t o = 0; o < l.outputs; ++o)
    for (std::size_t i = 0; i < l.inputs; ++i) to[i * l.outputs + o] = l.weight[o * l.inputs + i];
  return to;
}

std::string compiler(bool wide) {
  return TINYMLP_BENCH_CC " -std=gnu11 -O3 -march=native -ffast-math" +
         std::string(wide ? " -mprefer-vector-width=512" : "");
}

bool compiles(const std::string& text, bool wide) {
  try {
    const compiled_library made(text, "loops.c", compiler(wide), "-lm");
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

void fill(const compiled_library& library, const std::string& name, std::span<const float> from) {
  if (!from.empty()) std::copy(from.begin(), from.end(), library.symbol<float>(name));
}

} // namespace

generated_loops::generated_loops(std::span<const layer> layers, bool wide)
    : library_(loops_source(layers, wide ? 32 : 16), "loops.c", compiler(wide), "-lm") {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const layer& l = layers[i];
    fill(library_, "weight" + number(i), l.weight);
    if (l.kind == layer_kind::dense) fill(library_, "weight_t" + number(i), transposed(l));
    fill(library_, "bias" + number(i), l.bias);
    fill(library_, "slope" + number(i), l.slope);
  }
  dot_ = library_.function<row_function>("dot_row");
  axpy_ = library_.function<row_function>("axpy_row");
  rows_ = library_.function<rows_function>("block_rows");
}

bool generated_loops::available() {
  static const bool found = compiles("int tinymlp;\n", false);
  return found;
}

bool generated_loops::wide_available() {
  static const bool found =
      available() && compiles("#ifndef __AVX512F__\n#error\n#endif\nint tinymlp;\n", true);
  return found;
}

} // namespace tinymlp::bench
