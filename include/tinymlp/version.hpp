// The version of the headers; semantic, see CHANGELOG.md. tinymlp.h has the same.
#pragma once

#if !defined(TINYMLP_VERSION_MAJOR)
#define TINYMLP_VERSION_MAJOR 0
#define TINYMLP_VERSION_MINOR 1
#define TINYMLP_VERSION_PATCH 0
#endif
