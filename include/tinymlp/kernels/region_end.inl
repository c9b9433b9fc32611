// Closes what region_begin.inl opened and removes its macros.

#if defined(__GNUC__) && !defined(__clang__)
TINYMLP_PRAGMA(GCC diagnostic pop)
#endif
#if defined(TINYMLP_TARGET)
#if defined(__clang__)
TINYMLP_PRAGMA(clang attribute pop)
#elif defined(__GNUC__)
TINYMLP_PRAGMA(GCC pop_options)
#endif
#undef TINYMLP_TARGET
#endif
#include <tinymlp/kernels/precise_end.inl>
#undef TINYMLP_INLINE
#undef TINYMLP_NOINLINE
#undef TINYMLP_UNROLL
#undef TINYMLP_PRAGMA
#undef TINYMLP_PRAGMA_TEXT

#include <tinymlp/nonblocking.inl>
