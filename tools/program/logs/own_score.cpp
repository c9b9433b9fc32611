#include "logs/own_score.hpp"

#include <algorithm>
#include <array>

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

// ASCII only, whatever the locale.
std::string lower(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lowered;
}

// Bootstrapped models log their spread beside the score.
bool is_spread(std::string_view lowered) {
  return contains(lowered, "stddev") || contains(lowered, "_ci_") || contains(lowered, "ci95") ||
         contains(lowered, "feature");
}

bool names_vmaf(std::string_view key) {
  const std::string lowered = lower(key);
  return contains(lowered, usual_key) && !is_spread(lowered);
}

// "/usr/share/model/vmaf_v0.6.1.pkl" -> "vmaf_v0.6.1"
std::string model_name(std::string_view told) {
  std::string_view name = told.substr(std::min(told.find_last_of("/\\") + 1, told.size()));
  for (const std::string_view ending : {".pkl", ".json"})
    if (name.ends_with(ending)) name.remove_suffix(ending.size());
  return printable(name, 80);
}

// By the marks that libvmaf's models and their users put into names; empty where there is none.
std::string model_of_key(std::string_view key) {
  const std::string lowered = lower(key);
  for (const auto& [mark, model] :
       std::to_array<std::pair<std::string_view, std::string_view>>({{"4k", "vmaf_4k_v0.6.1"},
                                                                     {"neg", "vmaf_v0.6.1neg"},
                                                                     {"bagging", "vmaf_b_v0.6.3"},
                                                                     {"bootstrap", "vmaf_b_v0.6.3"},
                                                                     {"phone", "a phone model"},
                                                                     {"mfz", "vmaf_v0.6.1"},
                                                                     {"_hd", "vmaf_v0.6.1"}}))
    if (contains(lowered, mark)) return std::string(model);
  return lowered == usual_key ? "" : lowered.starts_with("vmaf_v") ? lowered : "";
}

std::string quoted(const std::vector<std::string>& names) {
  return printable(joined(names, ", "), 400);
}

} // namespace

bool is_own_score_key(std::string_view key, const std::optional<std::string>& asked) {
  if (asked) return key == *asked || names_vmaf(key);
  return key == usual_key || names_vmaf(key);
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
  // vmaf_v0.6.1neg is vmaf_v0.6.1 over features of limited gain.
  const std::string_view neg = "vmaf_v0.6.1neg";
  if (choice.model == neg && features.limits_gain) choice.model = neg.substr(0, neg.size() - 3);
  return choice;
}

void describe_own_score(const own_score_choice& own, std::span<const std::string> keys,
                        log_description& description) {
  description.has_vmaf = own.key.has_value();
  description.own_key = own.key ? keys[*own.key] : std::string();
  description.own_model = own.model;
}

} // namespace tinymlp::tools
