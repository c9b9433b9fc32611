// Functions that JavaScript calls.
#pragma once

#define TINYMLP_EXPORT(name) extern "C" [[gnu::used, clang::export_name(#name)]]
