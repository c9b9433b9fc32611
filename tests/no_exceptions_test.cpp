// The engine without exceptions and run-time type information: compiled with -fno-exceptions
// -fno-rtti, and so without doctest.
#include <tinymlp/tinymlp.hpp>

#include <array>
#include <cstdio>
#include <span>
#include <string_view>

#if defined(__cpp_exceptions) || defined(__cpp_rtti)
#error "this test is about a build without exceptions and RTTI"
#endif

using namespace tinymlp;

namespace {

int failures = 0;

void expect(bool holds, const char* what) {
  if (holds) return;
  (void)std::fprintf(stderr, "not so: %s\n", what);
  ++failures;
}

constexpr vmaf::features still_frame{1, 1, 1, 1, 1, 0};
constexpr auto embedded = embed<mlp_medium>(models::mlp_medium_onnx);
constexpr auto quantised = quantize(embedded);

} // namespace

int main() {
  const std::span<const char> file(models::mlp_medium_onnx, sizeof(models::mlp_medium_onnx) - 1);
  const result<mlp_medium> loaded = load<mlp_medium>(file);
  expect(loaded.has_value(), "the shipped file loads");
  expect(loaded && loaded->score(still_frame) == vmaf::medium().score(still_frame),
         "it scores like the shipped network");

  const result<mlp_medium> cut = load<mlp_medium>(file.first(file.size() / 2));
  expect(!cut && cut.error().code == status::truncated, "a cut file is refused as such");
  expect(!message(cut.error().code).empty() && !cut.error().where.empty(), "the error tells why");
  expect(!load<mlp_small>(file), "a network of another shape is refused");
  expect(cut.value_or(embedded).score(still_frame) == embedded.score(still_frame),
         "value_or gives the other");

  const std::array<float, 6> row = still_frame.row();
  std::array<float, 1> score{};
  expect(quantised.score(row, score) == status::ok, "a batch of one");
  expect(quantised.score(std::span(row).first(5), score) == status::size_mismatch, "a short batch");
  for (const isa which : supported()) {
    const result<float> by_isa = vmaf::medium_int8().score(row, which);
    expect(by_isa && *by_isa == score[0], "every instruction set agrees");
  }
  for (std::size_t i = 0; i < isa_count; ++i) {
    const auto which = static_cast<isa>(i);
    const result<float> by_isa = vmaf::medium().score(row, which);
    expect(by_isa.has_value() == supported(which), "one that is not there is an error");
    expect(isa_from_name(name(which)) == which, "names are read back");
  }
  if (failures == 0) std::puts("ok");
  return failures == 0 ? 0 : 1;
}
