// Clang does not tell by a macro that it was given parts of -ffast-math: switch them off, up to
// precise_end.inl. Before version 17 it cannot on AArch64, and says so.
#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wignored-pragmas"
#pragma float_control(precise, on, push)
#pragma clang diagnostic pop
#endif
// Where __GNUC__ is not defined there is no barrier in exact::rounded: forbid the fusing of what is
// written as two operations.
#if defined(__clang__) && !defined(__GNUC__)
#pragma clang fp contract(off)
#elif defined(_MSC_VER) && !defined(__clang__)
#pragma fp_contract(off)
#endif
