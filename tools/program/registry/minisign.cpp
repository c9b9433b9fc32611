#include "registry/minisign.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "system/failure.hpp"

namespace tinymlp::tools {

namespace {

using byte = unsigned char;

constexpr std::string_view untrusted_prefix = "untrusted comment: ";
constexpr std::string_view trusted_prefix = "trusted comment: ";
constexpr std::size_t longest_comment = 8192; // minisign's TRUSTEDCOMMENTMAXBYTES

// ---- lines and base64

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// Strict: no blanks, whole groups of four. Empty where it is not base64.
std::vector<byte> decode_base64(std::string_view text) {
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  const auto is_digit = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
  };
  if (text.empty() || text.size() % 4 != 0 ||
      !std::all_of(text.begin(), text.end() - static_cast<std::ptrdiff_t>(padding), is_digit))
    return {};
  std::vector<byte> bytes(text.size() / 4 * 3);
  EVP_DecodeBlock(bytes.data(), reinterpret_cast<const byte*>(text.data()),
                  static_cast<int>(text.size()));
  bytes.resize(bytes.size() - padding);
  return bytes;
}

std::string encode_base64(std::span<const byte> bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0'); // and a final NUL
  EVP_EncodeBlock(reinterpret_cast<byte*>(text.data()), bytes.data(),
                  static_cast<int>(bytes.size()));
  text.pop_back();
  return text;
}

// Reads the parts of a binary record in their order.
class record {
public:
  explicit record(std::span<const byte> bytes) : rest_(bytes) {}
  std::span<const byte> take(std::size_t count) {
    const std::span<const byte> part = rest_.first(count);
    rest_ = rest_.subspan(count);
    return part;
  }
  template <std::size_t N> void take(std::array<byte, N>& to) {
    std::ranges::copy(take(N), to.begin());
  }
  std::uint64_t take_u64() {
    std::uint64_t value = 0;
    const std::span<const byte> part = take(8);
    for (std::size_t i = 8; i-- > 0;) value = value << 8 | part[i];
    return value;
  }
  std::string take_text(std::size_t count) {
    const std::span<const byte> part = take(count);
    return {part.begin(), part.end()};
  }

private:
  std::span<const byte> rest_;
};

// ---- libcrypto

struct key_deleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using key_pointer = std::unique_ptr<EVP_PKEY, key_deleter>;
struct context_deleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using context_pointer = std::unique_ptr<EVP_MD_CTX, context_deleter>;

std::array<byte, 64> ed25519_sign(const minisign_secret_key& key, std::span<const byte> message) {
  const key_pointer native(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, key.seed.data(), key.seed.size()));
  const context_pointer context(EVP_MD_CTX_new());
  std::array<byte, 64> signature{};
  std::size_t size = signature.size();
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, native.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) != 1)
    fail("libcrypto cannot sign with Ed25519");
  return signature;
}

bool ed25519_verify(const minisign_public_key& key, std::span<const byte> signature,
                    std::span<const byte> message) {
  const key_pointer native(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.key.data(), key.key.size()));
  const context_pointer context(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, native.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                          message.size()) == 1;
}

std::vector<byte> blake2b_512(std::span<const byte> bytes) {
  std::vector<byte> digest(64);
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_blake2b512(), nullptr) !=
      1)
    fail("BLAKE2b is not available in libcrypto");
  return digest;
}

std::array<byte, 32> public_half(const std::array<byte, 32>& seed) {
  const key_pointer native(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()));
  std::array<byte, 32> key{};
  std::size_t size = key.size();
  if (native == nullptr || EVP_PKEY_get_raw_public_key(native.get(), key.data(), &size) != 1)
    fail("Ed25519 is not available in libcrypto");
  return key;
}

// ---- scrypt, with the parameters that libsodium derives from its two limits
// (crypto_pwhash_scryptsalsa208sha256)

struct scrypt_parameters {
  std::uint64_t n = 2, r = 8, p = 1;
};

scrypt_parameters pick_parameters(std::uint64_t ops_limit, std::uint64_t memory_limit) {
  scrypt_parameters to;
  ops_limit = std::max<std::uint64_t>(ops_limit, 32768);
  const bool few_ops = ops_limit < memory_limit / 32;
  const std::uint64_t most_n = few_ops ? ops_limit / (to.r * 4) : memory_limit / (to.r * 128);
  while (to.n <= most_n / 2 && to.n < std::uint64_t{1} << 62) to.n *= 2;
  if (few_ops) return to;
  const std::uint64_t most_rp = std::min<std::uint64_t>(ops_limit / 4 / to.n, 0x3fffffff);
  to.p = std::max<std::uint64_t>(most_rp / to.r, 1);
  return to;
}

std::vector<byte> scrypt(const std::string& password, std::span<const byte> salt,
                         const scrypt_parameters& with, std::size_t size) {
  constexpr std::uint64_t most_memory = std::uint64_t{2} << 30;
  std::vector<byte> stream(size);
  if (EVP_PBE_scrypt(password.data(), password.size(), salt.data(), salt.size(), with.n, with.r,
                     with.p, most_memory, stream.data(), stream.size()) != 1)
    fail("the key asks for more memory or time than is given to it");
  return stream;
}

// ---- signature file

struct signature_file {
  bool hashed = false;
  std::array<byte, 8> key_id{};
  std::array<byte, 64> signature{}, global{};
  std::string trusted_comment;
};

signature_file parse_signature(std::string_view text) {
  signature_file to;
  const std::string_view untrusted = take_line(text);
  const std::vector<byte> first = decode_base64(take_line(text));
  const std::string_view comment = take_line(text);
  const std::vector<byte> second = decode_base64(take_line(text));
  if (!untrusted.starts_with(untrusted_prefix) || !comment.starts_with(trusted_prefix) ||
      first.size() != 74 || second.size() != 64 || comment.size() > longest_comment)
    fail("not a minisign signature");
  record parts(first);
  const std::string algorithm = parts.take_text(2);
  if (algorithm != "ED" && algorithm != "Ed") fail("an unknown signature algorithm");
  to.hashed = algorithm == "ED";
  parts.take(to.key_id);
  parts.take(to.signature);
  record rest(second);
  rest.take(to.global);
  to.trusted_comment = comment.substr(trusted_prefix.size());
  return to;
}

// The global signature covers the first signature and the trusted comment.
std::vector<byte> global_message(const std::array<byte, 64>& signature, std::string_view comment) {
  std::vector<byte> message(signature.begin(), signature.end());
  message.insert(message.end(), comment.begin(), comment.end());
  return message;
}

std::span<const byte> as_bytes(std::span<const char> from) {
  return {reinterpret_cast<const byte*>(from.data()), from.size()};
}

} // namespace

std::string key_name(const minisign_public_key& key) {
  std::string name; // minisign prints the id as a little-endian number
  for (auto part = key.id.rbegin(); part != key.id.rend(); ++part)
    name += fmt::format("{:02X}", *part);
  return name;
}

minisign_public_key parse_public_key(std::string_view text) {
  std::string_view line = take_line(text);
  if (line.starts_with(untrusted_prefix)) line = take_line(text);
  const std::vector<byte> bytes = decode_base64(line);
  if (bytes.size() != 42 || bytes[0] != 'E' || bytes[1] != 'd') fail("not a minisign public key");
  minisign_public_key key;
  record parts(std::span<const byte>(bytes).subspan(2));
  parts.take(key.id);
  parts.take(key.key);
  return key;
}

minisign_secret_key parse_secret_key(std::string_view text,
                                     const std::function<std::string()>& password) {
  const std::string_view untrusted = take_line(text);
  const std::vector<byte> bytes = decode_base64(take_line(text));
  if (!untrusted.starts_with(untrusted_prefix) || bytes.size() != 158)
    fail("not a minisign secret key");
  record parts(bytes);
  const std::string algorithm = parts.take_text(2), derivation = parts.take_text(2);
  parts.take_text(2); // how its checksum is made; the public half below is the better check
  const std::span<const byte> salt = parts.take(32);
  const std::uint64_t ops_limit = parts.take_u64(), memory_limit = parts.take_u64();
  const std::span<const byte> stored = parts.take(104);
  const bool encrypted = derivation == "Sc";
  if (algorithm != "Ed" || (!encrypted && derivation != std::string(2, '\0')))
    fail("not a minisign secret key of a known kind");
  std::vector<byte> plain(stored.begin(), stored.end());
  if (encrypted) {
    const std::vector<byte> stream =
        scrypt(password(), salt, pick_parameters(ops_limit, memory_limit), plain.size());
    for (std::size_t i = 0; i < plain.size(); ++i) plain[i] ^= stream[i];
  }
  minisign_secret_key key;
  record secret(plain);
  secret.take(key.own.id);
  secret.take(key.seed);
  secret.take(key.own.key);
  OPENSSL_cleanse(plain.data(), plain.size());
  if (public_half(key.seed) != key.own.key)
    fail("{}", encrypted ? "wrong password for the secret key" : "the secret key is damaged");
  return key;
}

std::string sign(const minisign_secret_key& key, std::span<const char> bytes,
                 std::string_view trusted_comment) {
  const std::array<byte, 64> signature = ed25519_sign(key, blake2b_512(as_bytes(bytes)));
  const std::array<byte, 64> global = ed25519_sign(key, global_message(signature, trusted_comment));
  std::vector<byte> first{'E', 'D'};
  first.insert(first.end(), key.own.id.begin(), key.own.id.end());
  first.insert(first.end(), signature.begin(), signature.end());
  return fmt::format("{}signature from tinymlp with key {}\n{}\n{}{}\n{}\n", untrusted_prefix,
                     key_name(key.own), encode_base64(first), trusted_prefix, trusted_comment,
                     encode_base64(global));
}

std::string verify(const minisign_public_key& key, std::span<const char> bytes,
                   std::string_view signature) {
  const signature_file file = parse_signature(signature);
  if (file.key_id != key.id) {
    minisign_public_key other;
    other.id = file.key_id;
    fail("signed with key {}, not with {}", key_name(other), key_name(key));
  }
  const bool sound = file.hashed ? ed25519_verify(key, file.signature, blake2b_512(as_bytes(bytes)))
                                 : ed25519_verify(key, file.signature, as_bytes(bytes));
  if (!sound) fail("the signature is not of these bytes");
  if (!ed25519_verify(key, file.global, global_message(file.signature, file.trusted_comment)))
    fail("the trusted comment was changed after signing");
  return file.trusted_comment;
}

} // namespace tinymlp::tools
