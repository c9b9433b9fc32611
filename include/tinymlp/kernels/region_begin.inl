// Opens a region whose functions are compiled for TINYMLP_TARGET, whatever the flags of the
// translation unit. Include every standard header before; region_end.inl closes it.

#include <tinymlp/nonblocking.inl>

#define TINYMLP_PRAGMA_TEXT(text) _Pragma(#text)
#define TINYMLP_PRAGMA(text) TINYMLP_PRAGMA_TEXT(text)

#include <tinymlp/kernels/precise_begin.inl>

#if defined(__clang__)
#define TINYMLP_INLINE __attribute__((always_inline)) inline
#define TINYMLP_NOINLINE __attribute__((noinline)) inline
#define TINYMLP_UNROLL TINYMLP_PRAGMA(clang loop unroll(full))
#if defined(TINYMLP_TARGET)
TINYMLP_PRAGMA(clang attribute push(__attribute__((target(TINYMLP_TARGET))), apply_to = function))
#endif
#elif defined(__GNUC__)
#define TINYMLP_INLINE __attribute__((always_inline)) inline
#define TINYMLP_NOINLINE __attribute__((noinline)) inline
#define TINYMLP_UNROLL TINYMLP_PRAGMA(GCC unroll 64)
// GCC 12's AVX-512 intrinsics start from a variable initialised with itself (PR 105593).
TINYMLP_PRAGMA(GCC diagnostic push)
TINYMLP_PRAGMA(GCC diagnostic ignored "-Wuninitialized")
TINYMLP_PRAGMA(GCC diagnostic ignored "-Wmaybe-uninitialized")
#if defined(TINYMLP_TARGET)
TINYMLP_PRAGMA(GCC push_options)
TINYMLP_PRAGMA(GCC target(TINYMLP_TARGET))
#endif
#else
#define TINYMLP_INLINE __forceinline
#define TINYMLP_NOINLINE __declspec(noinline) inline
#define TINYMLP_UNROLL
#endif
