// The program's version, from the build.
#pragma once

#include <string_view>

namespace tinymlp::tools {
#ifdef TINYMLP_VERSION_STRING
inline constexpr std::string_view version = TINYMLP_VERSION_STRING;
#else
inline constexpr std::string_view version = "unversioned";
#endif
} // namespace tinymlp::tools
