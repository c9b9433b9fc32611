#include "logs/feature_keys.hpp"

#include <algorithm>
#include <cstdint>
#include <map>

#include <fmt/format.h>
#include <tinymlp/tinymlp.hpp>

#include "system/failure.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

constexpr std::size_t motion2 = 5;
static_assert(vmaf::feature_names.size() == feature_count);
static_assert(vmaf::feature_names[motion2] == "motion2");

// How extractors decorate a feature's base name, in order of precedence.
struct spelling {
  std::string_view before, after;
};
constexpr std::array<spelling, 5> spellings{{
    {"integer_", ""},
    {"", ""},
    {"float_", ""},
    {"VMAF_integer_feature_", "_score"},
    {"VMAF_feature_", "_score"},
}};

std::string spell(const spelling& how, std::size_t feature) {
  return fmt::format("{}{}{}", how.before, vmaf::feature_names[feature], how.after);
}

std::string all_spellings(std::size_t feature) {
  std::array<std::string, spellings.size()> all;
  for (std::size_t s = 0; s < spellings.size(); ++s) all[s] = spell(spellings[s], feature);
  return joined(all, ", ");
}

struct feature_key {
  std::size_t feature, spelling;
  std::string_view suffix; // "" or "_..."
};

std::optional<feature_key> parse_feature_key(std::string_view key) {
  for (std::size_t s = 0; s < spellings.size(); ++s) {
    if (!key.starts_with(spellings[s].before)) continue;
    const std::string_view tail = key.substr(spellings[s].before.size());
    for (std::size_t f = 0; f < feature_count; ++f) {
      const std::string_view name = vmaf::feature_names[f];
      if (!tail.starts_with(name) || !tail.substr(name.size()).starts_with(spellings[s].after))
        continue;
      const std::string_view suffix = tail.substr(name.size() + spellings[s].after.size());
      if (suffix.empty() || suffix.starts_with('_')) return feature_key{f, s, suffix};
    }
  }
  return std::nullopt;
}

// The keys of one suffix: [feature][spelling] -> position of the key.
using key_position = std::optional<std::size_t>;
using key_set = std::array<std::array<key_position, spellings.size()>, feature_count>;
using key_sets = std::map<std::string, key_set, std::less<>>;

bool has_any(const key_set& set, std::size_t feature) {
  return std::any_of(set[feature].begin(), set[feature].end(),
                     [](const key_position& p) { return p.has_value(); });
}

bool is_complete(const key_set& set) {
  for (std::size_t f = 0; f < feature_count; ++f)
    if (!has_any(set, f)) return false;
  return true;
}

key_sets collect(std::span<const std::string> keys, std::string_view where) {
  key_sets sets;
  sets[""]; // always there, so that motion2 can be borrowed and missing keys be named
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::optional<feature_key> key = parse_feature_key(keys[i]);
    if (!key) continue;
    key_position& position = sets[std::string(key->suffix)][key->feature][key->spelling];
    if (position) fail("{}: the key {} occurs twice", where, keys[i]);
    position = i;
  }
  for (auto& [suffix, set] : sets)
    if (!has_any(set, motion2)) set[motion2] = sets[""][motion2];
  return sets;
}

std::string describe_missing(const key_sets& sets, const std::string& suffix) {
  const auto found = sets.find(suffix);
  std::vector<std::string> missing;
  for (std::size_t f = 0; f < feature_count; ++f) {
    if (found != sets.end() && has_any(found->second, f)) continue;
    std::vector<std::string> elsewhere;
    for (const auto& [other, set] : sets)
      if (other != suffix && has_any(set, f))
        elsewhere.push_back(other.empty() ? std::string("no suffix") : "suffix " + other);
    missing.push_back(elsewhere.empty()
                          ? fmt::format("{}{}", vmaf::feature_names[f], suffix)
                          : fmt::format("{}{} (present with {})", vmaf::feature_names[f], suffix,
                                        joined(elsewhere, ", ")));
  }
  return joined(missing, ", ");
}

[[noreturn]] void refuse_missing(const key_sets& sets, const std::string& suffix,
                                 std::string_view where) {
  const bool mixed = std::any_of(sets.begin(), sets.end(), [&](const auto& entry) {
    return !entry.first.empty() && has_any(entry.second, 0);
  });
  fail("{}: missing {}{}; a feature such as adm2 may be named {}", where,
       describe_missing(sets, suffix), mixed ? "; keys of different suffix are never mixed" : "",
       all_spellings(0));
}

std::string choose_suffix(const key_sets& sets, std::string_view where) {
  if (is_complete(sets.at(""))) return "";
  std::vector<std::string> complete;
  for (const auto& [suffix, set] : sets)
    if (is_complete(set)) complete.push_back(suffix);
  if (complete.empty()) refuse_missing(sets, "", where);
  if (complete.size() > 1)
    fail("{}: features exist with suffixes {} and none without; choose with --feature-suffix",
         where, joined(complete, ", "));
  return complete.front();
}

// Takes one spelling for all features if there is one, else each feature's first.
void choose_spelling(const key_set& set, key_choice& choice) {
  for (std::size_t s = 0; s < spellings.size(); ++s) {
    if (!std::all_of(set.begin(), set.end(), [s](const auto& row) { return row[s].has_value(); }))
      continue;
    for (std::size_t f = 0; f < feature_count; ++f) choice.features[f] = *set[f][s];
    return;
  }
  std::vector<std::string> taken;
  for (std::size_t f = 0; f < feature_count; ++f) {
    const auto s = static_cast<std::size_t>(
        std::find_if(set[f].begin(), set[f].end(), [](const auto& p) { return p.has_value(); }) -
        set[f].begin());
    choice.features[f] = *set[f][s];
    taken.push_back(spell(spellings[s], f));
  }
  choice.notes.push_back(
      fmt::format("no extractor wrote all six features; taken are {}", joined(taken, ", ")));
}

} // namespace

bool is_score_key(std::string_view key) {
  return key == "vmaf" || parse_feature_key(key).has_value();
}

key_choice choose_feature_keys(std::span<const std::string> keys,
                               const std::optional<std::string>& suffix, std::string_view where) {
  const key_sets sets = collect(keys, where);
  const std::string chosen = suffix ? *suffix : choose_suffix(sets, where);
  const auto set = sets.find(chosen);
  if (set == sets.end() || !is_complete(set->second)) refuse_missing(sets, chosen, where);

  key_choice choice;
  if (!chosen.empty() && !suffix)
    choice.notes.push_back(fmt::format(
        "only features with the suffix {} exist (an extractor with options, such as the "
        "NEG model's); these are taken",
        chosen));
  choose_spelling(set->second, choice);
  const auto own = std::find(keys.begin(), keys.end(), "vmaf");
  if (own != keys.end()) choice.vmaf = static_cast<std::size_t>(own - keys.begin());
  if (std::count(keys.begin(), keys.end(), "vmaf") > 1)
    fail("{}: the key vmaf occurs twice", where);
  return choice;
}

} // namespace tinymlp::tools
