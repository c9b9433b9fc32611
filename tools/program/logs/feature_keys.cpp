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

// What one extractor writes has one suffix.
struct extractor {
  std::size_t first, last; // of its features
};
constexpr std::array<extractor, 3> extractors{{{0, 0}, {1, 4}, {5, 5}}};
constexpr std::size_t adm = 0, vif = 1;

key_sets collect(std::span<const std::string> keys, std::string_view where) {
  key_sets sets;
  sets[""]; // always there, so that motion2 can be borrowed and missing keys be named
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::optional<feature_key> key = parse_feature_key(keys[i]);
    if (!key) continue;
    key_position& position = sets[std::string(key->suffix)][key->feature][key->spelling];
    if (position) fail("{}: the key {} occurs twice", where, printable(keys[i], 80));
    position = i;
  }
  return sets;
}

key_set with_plain_motion2(const key_sets& sets, const key_set& set) {
  key_set whole = set;
  if (!has_any(whole, motion2)) whole[motion2] = sets.at("")[motion2];
  return whole;
}

std::string describe_missing(const key_sets& sets, const std::string& suffix) {
  const auto found = sets.find(suffix);
  std::vector<std::string> missing;
  for (std::size_t f = 0; f < feature_count; ++f) {
    if (found != sets.end() && has_any(found->second, f)) continue;
    if (f == motion2 && has_any(sets.at(""), f)) continue; // would be borrowed
    std::vector<std::string> elsewhere;
    for (const auto& [other, set] : sets)
      if (other != suffix && has_any(set, f))
        elsewhere.push_back(other.empty() ? std::string("no suffix") : "suffix " + other);
    missing.push_back(elsewhere.empty()
                          ? fmt::format("{}{}", vmaf::feature_names[f], suffix)
                          : fmt::format("{}{} (present with {})", vmaf::feature_names[f], suffix,
                                        joined(elsewhere, ", ")));
  }
  return printable(joined(missing, ", "), 400);
}

// A key that would name a feature if it were in small letters; empty without one.
std::string_view key_in_capitals(std::span<const std::string> keys) {
  for (const std::string& key : keys) {
    const std::string lowered = small_letters(key);
    if (lowered != key && !is_feature_key(key) && is_feature_key(lowered)) return key;
  }
  return {};
}

// "1.2" of "_egl_1.2_nvd_6"; empty where gain is not limited.
std::string_view gain_limit(std::string_view suffix) {
  constexpr std::string_view mark = "_egl_";
  const std::size_t at = suffix.find(mark);
  if (at == std::string_view::npos) return {};
  const std::string_view limit = suffix.substr(at + mark.size());
  return limit.substr(0, limit.find('_'));
}

[[noreturn]] void refuse_missing(const key_sets& sets, std::span<const std::string> keys,
                                 const std::string& suffix, std::string_view where) {
  if (const std::string_view capitals = key_in_capitals(keys); !capitals.empty())
    fail("{}: missing {}; {} is in capitals: names are in small letters, so rename the columns",
         where, describe_missing(sets, suffix), printable(capitals, 80));
  const bool mixed = std::any_of(sets.begin(), sets.end(), [&](const auto& entry) {
    return !gain_limit(entry.first).empty() && has_any(entry.second, 0);
  });
  fail("{}: missing {}{}; a feature such as adm2 may be named {}", where,
       describe_missing(sets, suffix),
       mixed ? "; keys of different gain limit (egl) are never mixed" : "", all_spellings(0));
}

struct chosen_set {
  key_set keys{};
  std::array<std::string, extractors.size()> suffixes{};
};

chosen_set of_one_suffix(const key_sets& sets, const key_set& whole, const std::string& suffix) {
  chosen_set chosen{whole, {suffix, suffix, suffix}};
  if (!has_any(sets.at(suffix), motion2)) chosen.suffixes.back() = "";
  return chosen;
}

bool is_complete(const key_set& set, const extractor& of) {
  for (std::size_t f = of.first; f <= of.last; ++f)
    if (!has_any(set, f)) return false;
  return true;
}

// Each extractor with a suffix of its own; nothing where that cannot be.
std::optional<chosen_set> mix(const key_sets& sets, const std::optional<std::string>& asked,
                              std::string_view where) {
  chosen_set chosen;
  bool has_asked = !asked;
  for (std::size_t e = 0; e < extractors.size(); ++e) {
    std::vector<std::string> there;
    for (const auto& [suffix, set] : sets)
      if (is_complete(set, extractors[e])) there.push_back(suffix);
    if (there.empty()) return std::nullopt;
    std::string taken = there.front(); // the plain one, where it is there
    if (asked && std::find(there.begin(), there.end(), *asked) != there.end()) {
      taken = *asked;
      has_asked = true;
    } else if (!taken.empty() && there.size() > 1) {
      fail("{}: {} exists with suffixes {} and without none; choose with --feature-suffix", where,
           vmaf::feature_names[extractors[e].first], printable(joined(there, ", "), 200));
    }
    chosen.suffixes[e] = taken;
    for (std::size_t f = extractors[e].first; f <= extractors[e].last; ++f)
      chosen.keys[f] = sets.at(taken)[f];
  }
  if (!has_asked || gain_limit(chosen.suffixes[adm]) != gain_limit(chosen.suffixes[vif]))
    return std::nullopt;
  return chosen;
}

chosen_set choose_set(const key_sets& sets, std::span<const std::string> keys,
                      const std::optional<std::string>& asked, std::string_view where) {
  std::vector<std::string> complete;
  for (const auto& [suffix, set] : sets)
    if ((!asked || *asked == suffix) && is_complete(with_plain_motion2(sets, set)))
      complete.push_back(suffix);
  if (complete.size() == 1 || (!complete.empty() && complete.front().empty()))
    return of_one_suffix(sets, with_plain_motion2(sets, sets.at(complete.front())),
                         complete.front());
  if (complete.size() > 1)
    fail("{}: features exist with suffixes {} and none without; choose with --feature-suffix",
         where, printable(joined(complete, ", "), 200));
  if (!asked || !asked->empty())
    if (const auto mixed = mix(sets, asked, where)) return *mixed;
  refuse_missing(sets, keys, asked.value_or(""), where);
}

void note_suffixes(const chosen_set& chosen, std::vector<std::string>& notes) {
  const auto& [a, v, m] = chosen.suffixes;
  if (a.empty() && v.empty() && m.empty()) return;
  if (a == v && (m.empty() || m == a)) {
    notes.push_back(fmt::format("only features with the suffix {} exist (an extractor with "
                                "options, such as the NEG model's); these are taken",
                                printable(a, 80)));
    return;
  }
  std::vector<std::string> taken;
  for (std::size_t e = 0; e < extractors.size(); ++e)
    if (!chosen.suffixes[e].empty())
      taken.push_back(
          fmt::format("{}{}", vmaf::feature_names[extractors[e].first], chosen.suffixes[e]));
  notes.push_back(fmt::format("taken are {}, of extractors with options of their own",
                              printable(joined(taken, ", "), 200)));
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

bool is_feature_key(std::string_view key) { return parse_feature_key(key).has_value(); }

key_choice choose_feature_keys(std::span<const std::string> keys,
                               const std::optional<std::string>& suffix, std::string_view where) {
  if (suffix && !suffix->empty() && !suffix->starts_with('_'))
    throw usage_error(fmt::format("--feature-suffix: a suffix starts with an underscore: {0} "
                                  "should be _{0}",
                                  printable(*suffix, 80)));
  const key_sets sets = collect(keys, where);
  const chosen_set chosen = choose_set(sets, keys, suffix, where);
  key_choice choice;
  choice.limits_gain = !gain_limit(chosen.suffixes[adm]).empty();
  choice.has_plain = is_complete(sets.at(""));
  if (!suffix) note_suffixes(chosen, choice.notes);
  choose_spelling(chosen.keys, choice);
  return choice;
}

} // namespace tinymlp::tools
