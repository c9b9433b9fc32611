// Prints one hash over the scores of all shipped networks, float32 and both forms of int8, over
// fixed rows, and one over the elementary functions and activations of the same values, on every
// instruction set that this CPU has; exit 1 if those do not agree. run.py
// compiles it with every compiler and flag that must not change a bit.
#include "../elementary_functions.hpp"
#include "../static_networks.hpp"

#include <tinymlp/tinymlp.hpp>

#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

using namespace tinymlp;

namespace {

constexpr std::size_t row_count = 515;

// xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled").
class generator {
public:
  std::uint32_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return static_cast<std::uint32_t>((state_ * 0x2545f4914f6cdd1dU) >> 32);
  }

private:
  std::uint64_t state_ = 20080401;
};

// No arithmetic that flags could change: bit patterns of floats in [0, 2), some of any size or
// sign, some not finite.
std::vector<float> fixed_rows() {
  std::vector<float> rows(row_count * 6);
  generator random;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::uint32_t bits = random.next();
    const std::uint32_t exponent = 120 + bits % 8;
    rows[i] = std::bit_cast<float>(exponent << 23 | (bits >> 9));
    if (i % 29 == 7) rows[i] = std::bit_cast<float>(random.next());
  }
  return rows;
}

// FNV-1a over the scores' bits; every NaN counts as the same.
class hash {
public:
  void add(float score) {
    const auto bits = score != score ? 0x7fc00000U : std::bit_cast<std::uint32_t>(score);
    for (int shift = 0; shift < 32; shift += 8) {
      value_ ^= bits >> shift & 0xff;
      value_ *= 0x100000001b3;
    }
  }
  std::uint64_t value() const { return value_; }

private:
  std::uint64_t value_ = 0xcbf29ce484222325;
};

template <class Net>
void add_scores(const Net& net, std::span<const float> rows, isa which, hash& to) {
  std::vector<float> scores(row_count);
  if (net.score(rows, scores, which) != status::ok) std::puts("refused");
  for (const float s : scores) to.add(s);
  for (std::size_t r = 0; r < row_count; ++r)
    to.add(*net.score(rows.subspan(r * 6).first<6>(), which));
}

std::uint64_t hash_on(isa which) {
  static const std::vector<float> rows = fixed_rows();
  hash h;
  add_scores(vmaf::small(), rows, which, h);
  add_scores(vmaf::medium(), rows, which, h);
  add_scores(vmaf::large(), rows, which, h);
  add_scores(vmaf::small_int8(), rows, which, h);
  add_scores(vmaf::medium_int8(), rows, which, h);
  add_scores(vmaf::large_int8(), rows, which, h);
  add_scores(static_networks::small, rows, which, h);
  add_scores(static_networks::medium, rows, which, h);
  add_scores(static_networks::large, rows, which, h);
  return h.value();
}

std::uint64_t hash_of(const elementary_functions::elementary_kernel& k) {
  std::vector<float> values = fixed_rows(), y;
  values.resize(values.size() / 64 * 64);
  hash h;
  for (const auto map : k.maps) {
    y = values;
    map(y.data(), y.size());
    for (const float x : y) h.add(x);
  }
  for (std::size_t which = 0; which < activation_count; ++which) {
    y = values;
    k.activate(static_cast<activation>(which), 0.7F, 1.3F, y.data(), y.size());
    for (const float x : y) h.add(x);
  }
  return h.value();
}

} // namespace

int main() {
  const std::uint64_t expected = hash_on(isa::reference);
  std::string names;
  for (const isa which : supported()) {
    names += ' ' + std::string(name(which));
    if (hash_on(which) == expected) continue;
    std::printf("%s differs from the reference\n", std::string(name(which)).c_str());
    return 1;
  }
  const auto kernels = elementary_functions::supported_kernels();
  const std::uint64_t functions = hash_of(kernels.front()); // the reference's
  for (const auto& k : kernels) {
    if (hash_of(k) == functions) continue;
    std::printf("elementary functions of %s, %s, differ from the reference\n",
                std::string(name(k.which)).c_str(), k.vector);
    return 1;
  }
  std::printf("%016llx %016llx%s\n", static_cast<unsigned long long>(expected),
              static_cast<unsigned long long>(functions), names.c_str());
}
