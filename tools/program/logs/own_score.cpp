#include "logs/own_score.hpp"

#include <algorithm>
#include <initializer_list>

#include <fmt/format.h>

#include "logs/log_reader.hpp"
#include "system/failure.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

constexpr std::string_view usual_key = "vmaf";

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// What is logged beside a score under its name: the spread of bootstrapped models, times, features.
bool is_beside(std::string_view lowered) {
  for (const std::string_view part : {"stddev", "_ci_", "ci95", "feature", "confidence", "version"})
    if (contains(lowered, part)) return true;
  for (const std::string_view ending : {"_std", "_lo", "_hi", "_time", "_ms", "_fps"})
    if (lowered.ends_with(ending)) return true;
  return lowered == "tinymlp_vmaf"; // our own
}

bool names_vmaf(std::string_view key) {
  const std::string lowered = small_letters(key);
  return contains(lowered, usual_key) && !is_beside(lowered);
}

// "/usr/share/model/vmaf_v0.6.1.pkl" -> "vmaf_v0.6.1"
std::string model_name(std::string_view told) {
  std::string_view name = told.substr(std::min(told.find_last_of("/\\") + 1, told.size()));
  for (const std::string_view ending : {".pkl", ".json"})
    if (name.ends_with(ending)) name.remove_suffix(ending.size());
  return printable(name, 80);
}

// Any of the parts, each between the ends of the name or what is no letter: "_b_" of "vmaf_b".
bool has_mark(std::string_view lowered, std::initializer_list<std::string_view> marks) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  for (const std::string_view mark : marks)
    for (std::size_t at = lowered.find(mark); at != std::string_view::npos;
         at = lowered.find(mark, at + 1)) {
      const std::size_t end = at + mark.size();
      const bool begins = at == 0 || !is_letter(lowered[at - 1]) || !is_letter(mark.front());
      const bool ends =
          end == lowered.size() || !is_letter(lowered[end]) || !is_letter(mark.back());
      if (begins && ends) return true;
    }
  return false;
}

// By the marks that libvmaf's models and their users put into names; empty where there is none.
std::string model_of_key(std::string_view key) {
  const std::string lowered = small_letters(key);
  if (has_mark(lowered, {"b", "rb", "bagging", "bootstrap"})) return "vmaf_b_v0.6.3";
  if (has_mark(lowered, {"phone", "mobile"})) return "a phone model";
  const bool is_4k = has_mark(lowered, {"4k", "uhd", "2160p"});
  const bool is_neg = has_mark(lowered, {"neg"}) || lowered.ends_with("neg");
  const bool is_hd = has_mark(lowered, {"hd", "mfz"}) || lowered.ends_with("mfz") ||
                     contains(lowered, "v0.6.1") || is_neg;
  if (!is_4k && !is_hd)
    return contains(lowered, "_v0.") || contains(lowered, "_v1.") ? lowered : "";
  return std::string(is_4k ? "vmaf_4k_v0.6.1" : "vmaf_v0.6.1") + (is_neg ? "neg" : "");
}

// vmaf_v0.6.1mfz is vmaf_v0.6.1 with motion2 forced to 0, which is what its features say.
std::string without_ending(std::string name, std::string_view ending) {
  if (name.ends_with(ending)) name.resize(name.size() - ending.size());
  return name;
}

std::string quoted(const std::vector<std::string>& names) {
  return printable(joined(names, ", "), 400);
}

} // namespace

bool is_own_score_key(std::string_view key, const std::optional<std::string>& asked) {
  return names_vmaf(key) || (asked && key == *asked);
}

own_score_choice choose_own_score(std::span<const std::string> keys,
                                  const std::optional<std::string>& asked,
                                  std::string_view told_model, const key_choice& features,
                                  std::string_view where) {
  own_score_choice choice;
  std::vector<std::string> candidates;
  std::size_t candidate = 0;
  const std::string_view wanted = asked ? std::string_view(*asked) : usual_key;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!wanted.empty() && keys[i] == wanted) {
      if (choice.key) fail("{}: the key {} occurs twice", where, printable(wanted, 80));
      choice.key = i;
    } else if (names_vmaf(keys[i]) && !is_feature_key(keys[i])) {
      candidates.push_back(keys[i]);
      candidate = i;
    }
  }
  if (asked && !wanted.empty() && !choice.key)
    fail("{}: no key {}{}", where, printable(wanted, 80),
         candidates.empty() ? std::string(", nor another that looks like a score")
                            : "; those that look like a score: " + quoted(candidates));
  if (!asked && features.limits_gain && features.has_plain) {
    // "vmaf" belongs to the plain features that are in the log as well.
    for (std::size_t i = 0; i < keys.size(); ++i)
      if (names_vmaf(keys[i]) && model_of_key(keys[i]).ends_with("neg")) choice.key = i;
  }
  if (!asked && !choice.key && candidates.size() == 1) {
    choice.key = candidate;
    choice.notes.push_back(fmt::format("the log's own score is taken from the key {}; "
                                       "--own-score chooses another, \"\" none",
                                       quoted(candidates)));
  } else if (!asked && !choice.key && !candidates.empty()) {
    choice.notes.push_back(fmt::format("none of the keys {} is taken for the log's own score; "
                                       "choose with --own-score KEY",
                                       quoted(candidates)));
  }
  if (!choice.key) return choice;
  choice.model = model_of_key(keys[*choice.key]);
  if (choice.model.empty() && !told_model.empty()) choice.model = model_name(told_model);
  choice.model = without_ending(choice.model, "mfz");
  // vmaf_v0.6.1neg is vmaf_v0.6.1 over features of limited gain.
  if (features.limits_gain && choice.model.ends_with("neg"))
    choice.model = without_ending(choice.model, "neg");
  else if (features.limits_gain && features.has_plain)
    choice.model = "the log's plain features"; // not of those taken
  return choice;
}

void describe_own_score(const own_score_choice& own, std::span<const std::string> keys,
                        log_description& description) {
  description.has_vmaf = own.key.has_value();
  description.own_key = own.key ? keys[*own.key] : std::string();
  description.own_model = own.model;
}

} // namespace tinymlp::tools
