// Clang does not tell by a macro that it was given parts of -ffast-math: switch them off, up to
// precise_end.inl. Before version 17 it cannot on AArch64, and says so.
#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wignored-pragmas"
#pragma float_control(precise, on, push)
#pragma clang diagnostic pop
#endif
