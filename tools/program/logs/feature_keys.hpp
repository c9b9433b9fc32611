// Which of a log's many keys carry the six features that the networks read.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tinymlp::tools {

inline constexpr std::size_t feature_count = 6;

// Where each canonical-6 feature, and the log's own score, stand among the keys.
struct key_choice {
  std::array<std::size_t, feature_count> features{};
  std::optional<std::size_t> vmaf; // the key "vmaf"
  std::vector<std::string> notes;  // choices that a person should know of
};

// Whether the key can name one of the features, in any spelling, or is "vmaf".
bool is_score_key(std::string_view key);

// One spelling for each of the six features, or failure (its text starts with `where`) naming what
// is missing.
//
// A feature `adm2` is spelt integer_adm2, adm2, float_adm2, VMAF_integer_feature_adm2_score or
// VMAF_feature_adm2_score: this is also the order of precedence. The first spelling that all six
// features share is taken; if none is shared (libvmaf 1.5.2 and 1.5.3 wrote float adm2 beside
// integer motion2), each feature takes its own first one, with a note.
//
// Extractors with options append a suffix: integer_adm2_egl_1. Keys of different suffix are never
// mixed; only motion2, which knows no such option, may stand plain beside a suffixed set. The plain
// set is preferred; a lone suffixed set is taken with a note; of several, `suffix` must choose.
// `suffix`, when given, insists on that set ("" is the plain one).
key_choice choose_feature_keys(std::span<const std::string> keys,
                               const std::optional<std::string>& suffix, std::string_view where);

} // namespace tinymlp::tools
