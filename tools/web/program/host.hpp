// What JavaScript does for the program's rooms: files, messages, output. Any of these may throw in
// JavaScript, which ends the call that is running: the instance is of no use afterwards.
#pragma once

#include <cstddef>
#include <cstdint>

#define TINYMLP_IMPORT(name) [[clang::import_module("host"), clang::import_name(#name)]]

extern "C" {
// A file by name: its number, or -1 where there is none.
TINYMLP_IMPORT(open) std::int32_t host_open(const char* name, std::size_t size);
// Its bytes; below 0 where nobody knows.
TINYMLP_IMPORT(size) double host_size(std::int32_t file);
// Reads on; 0 at the end.
TINYMLP_IMPORT(read) std::size_t host_read(std::int32_t file, char* to, std::size_t size);
// "warning" or "note", and the text.
TINYMLP_IMPORT(message)
void host_message(const char* kind, std::size_t kind_size, const char* text, std::size_t size);
// Once a block: rows so far, bytes read.
TINYMLP_IMPORT(progress) void host_progress(double rows, double bytes);
// Output, piece by piece.
TINYMLP_IMPORT(write) void host_write(const char* text, std::size_t size);
// Throws an error of that text; `kind` is "failure", "refused" (a model; `more` lists all
// obstacles), "usage" or "defect".
TINYMLP_IMPORT(fail)
[[noreturn]] void host_fail(const char* kind, const char* text, std::size_t size, const char* more,
                            std::size_t more_size);
TINYMLP_IMPORT(now) double host_now(); // ns
}
