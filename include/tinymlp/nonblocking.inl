// The real-time contract, where the compiler can check it (Clang 20 and newer, -Wfunction-effects):
// defines TINYMLP_NONBLOCKING; included again, removes it.
#if !defined(TINYMLP_NONBLOCKING)
#if defined(__clang__)
#if __has_cpp_attribute(clang::nonblocking)
#define TINYMLP_NONBLOCKING [[clang::nonblocking]]
#endif
#endif
#if !defined(TINYMLP_NONBLOCKING)
#define TINYMLP_NONBLOCKING
#endif
#else
#undef TINYMLP_NONBLOCKING
#endif
