/* Put before byte_source.cpp and folder.cpp of the program: the system calls that they make are
   those of system.cpp, under the names here. */
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif
int open(const char* path, int flags, ...) __asm__("web_open");
int openat(int folder, const char* path, int flags, ...) __asm__("web_openat");
int close(int descriptor) __asm__("web_close");
ssize_t readlinkat(int folder, const char* __restrict path, char* __restrict to,
                   size_t size) __asm__("web_readlinkat");
int fstat(int descriptor, struct stat* to) __asm__("web_fstat");
ssize_t read(int descriptor, void* to, size_t size) __asm__("web_read");
int poll(struct pollfd* list, nfds_t count, int timeout) __asm__("web_poll");
#ifdef __cplusplus
}
#endif
