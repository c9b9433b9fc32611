// The log's own score: which of its keys carries it, and which model wrote it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "logs/feature_keys.hpp"

namespace tinymlp::tools {

struct log_description;

// Whether the key may be the log's own score: "vmaf", another name that a writer gave a VMAF model
// ("vmaf_hd", "VMAF_score", "JSON_VMAF"), or the very key asked for.
bool is_own_score_key(std::string_view key, const std::optional<std::string>& asked);

struct own_score_choice {
  std::optional<std::size_t> key;
  std::string model;              // that wrote it, "vmaf_4k_v0.6.1"; empty where nothing tells
  std::vector<std::string> notes; // choices that a person should know of
};

// `asked`: the key to take; empty text for none. Throws failure, starting with `where`, for one
// that is not there. Not asked, "vmaf" is taken, else the only other candidate, with a note; of
// several none, with a note that names them.
//
// `told_model`: what the log says (params.model), a path or a name; else the key's own name tells,
// as far as it can. NEG scores go with NEG features: on those, vmaf_v0.6.1 itself gives them.
own_score_choice choose_own_score(std::span<const std::string> keys,
                                  const std::optional<std::string>& asked,
                                  std::string_view told_model, const key_choice& features,
                                  std::string_view where);

void describe_own_score(const own_score_choice& own, std::span<const std::string> keys,
                        log_description& description);

} // namespace tinymlp::tools
