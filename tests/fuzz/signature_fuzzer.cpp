// libFuzzer target: bytes as keys and as signatures in minisign's format, whole and as a few bytes
// in the place of a sound signature's. Only the sound signature may pass, and what it says of
// itself is what was signed.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "check_error.hpp"
#include "registry/minisign.hpp"
#include "system/failure.hpp"

namespace {

using namespace tinymlp::tools;
using fuzz::require;

constexpr std::string_view content = "the bytes of a model";
constexpr std::string_view comment = "file:m.onnx\tid:m\tprecision:fp32";

// The first of RFC 8032's test vectors for Ed25519.
constexpr minisign_secret_key key{
    {{1, 2, 3, 4, 5, 6, 7, 8}, {0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe,
                                0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6,
                                0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a}},
    {0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a,
     0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32,
     0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60}};

// Whatever fails must say why.
template <class F> void attempt(F&& action) {
  try {
    action();
  } catch (const failure& reason) {
    require(*reason.what() != '\0');
  }
}

std::string_view line(std::string_view text, int number) {
  for (; number > 0; --number) text.remove_prefix(text.find('\n') + 1);
  return text.substr(0, text.find('\n'));
}

void check_signature_text(std::string_view text, const std::string& sound) {
  attempt([&] {
    require(verify(key.own, {content.data(), content.size()}, text) == comment);
    if (std::count(text.begin(), text.end(), '\n') < 3) return; // the last digit has bits to spare
    require(line(text, 1).substr(0, 98) == line(sound, 1).substr(0, 98));
  });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string sound = sign(key, {content.data(), content.size()}, comment);
  require(verify(key.own, {content.data(), content.size()}, sound) == comment);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  attempt([&] { require(key_name(parse_public_key(text)).size() == 16); });
  attempt([&] {
    static_cast<void>(parse_secret_key(text, []() -> std::string { fail("no password"); }));
  });
  check_signature_text(text, sound);
  if (size > 2) {
    std::string changed = sound;
    const std::size_t at = (std::size_t{data[0]} << 8 | data[1]) % changed.size();
    changed.replace(at, size - 2, text.substr(2));
    check_signature_text(changed, sound);
  }
  return 0;
}
