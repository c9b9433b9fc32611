// Files of model/ that are part of the program, so that it needs none of them beside it.
#pragma once

#include <string_view>

namespace tinymlp::tools {

std::string_view registry_schema_text() noexcept; // model/registry.schema.json
std::string_view quant_rows_text() noexcept;      // model/quant_rows.csv

} // namespace tinymlp::tools
