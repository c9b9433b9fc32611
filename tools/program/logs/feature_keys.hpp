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

// Where each canonical-6 feature stands among the keys.
struct key_choice {
  std::array<std::size_t, feature_count> features{};
  bool limits_gain = false;       // NEG features: adm2 and vif of limited enhancement gain (egl)
  bool has_plain = false;         // whether the set without a suffix is there, too
  std::vector<std::string> notes; // choices that a person should know of
};

// Whether the key can name one of the features, in any spelling.
bool is_feature_key(std::string_view key);

// One spelling for each of the six features, or failure (its text starts with `where`) naming what
// is missing.
//
// A feature `adm2` is spelt integer_adm2, adm2, float_adm2, VMAF_integer_feature_adm2_score or
// VMAF_feature_adm2_score: this is also the order of precedence. The first spelling that all six
// features share is taken; if none is shared (libvmaf 1.5.2 and 1.5.3 wrote float adm2 beside
// integer motion2), each feature takes its own first one, with a note.
//
// Extractors with options append a suffix: integer_adm2_egl_1. Keys of different suffix are mixed
// only as extractors are: adm2, the four vif scales and motion2 may each have their own
// (adm2_nvd_6, motion2_force_0), but adm2 and vif must agree in the gain limit (egl), which both
// know and which makes other features of them. A set of one suffix is preferred, the plain one
// first, with plain motion2 where it has none; all others are taken with a note. Of several sets,
// or of several keys of one extractor, `suffix` must choose. `suffix`, when given, insists: what
// can have it must ("" is the plain set).
key_choice choose_feature_keys(std::span<const std::string> keys,
                               const std::optional<std::string>& suffix, std::string_view where);

} // namespace tinymlp::tools
