// Detached signatures in minisign's format: Ed25519 over the BLAKE2b-512 hash of a file (or, as old
// versions wrote, over the file itself), with a signed comment. `minisign -V` accepts what sign()
// makes, and verify() what `minisign -S` makes. Source: minisign's documentation, "Signature
// format", "Secret key format", "Public key format".
#pragma once

#include <array>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace tinymlp::tools {

struct minisign_public_key {
  std::array<unsigned char, 8> id{};
  std::array<unsigned char, 32> key{};
};

struct minisign_secret_key {
  minisign_public_key own; // the public half
  std::array<unsigned char, 32> seed{};
};

// The 16 hexadecimal digits by which minisign calls a key.
std::string key_name(const minisign_public_key& key);

// From the text of a .pub file, or its second line alone. Throws failure.
minisign_public_key parse_public_key(std::string_view text);

// From the text of a key file made by `minisign -G` (with -W: without a password). `password` is
// asked only if the key is encrypted (scrypt, about a second and a GiB with minisign's settings).
// Throws failure for what is no such key, and for a wrong password.
minisign_secret_key parse_secret_key(std::string_view text,
                                     const std::function<std::string()>& password);

// The text of the signature file. Equal input gives equal text. `trusted_comment` is one line.
std::string sign(const minisign_secret_key& key, std::span<const char> bytes,
                 std::string_view trusted_comment);

// The trusted comment, if the signature file's text holds a signature of these bytes by this key.
// Throws failure with the reason if not.
std::string verify(const minisign_public_key& key, std::span<const char> bytes,
                   std::string_view signature);

} // namespace tinymlp::tools
