/* What a code generator makes of the shipped networks: plain loops over constant weights. This
 * knows nothing of tinymlp, so that it may be compiled with -ffast-math.
 *
 * row: 6 features -> score. rows: row-major [count, 6] -> scores [count]. */
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DECLARE_LOOPS(kind, network)                                                               \
  float kind##_##network##_row(const float* features);                                             \
  void kind##_##network##_rows(const float* features, size_t count, float* scores)

/* loops: a dot product an output, weights [output][input], the order in the ONNX file. */
DECLARE_LOOPS(loops, mlp_small);
DECLARE_LOOPS(loops, mlp_medium);
DECLARE_LOOPS(loops, mlp_large);

/* loops_axpy: the loops exchanged, weights [input][output], which compilers vectorise with ease. */
DECLARE_LOOPS(loops_axpy, mlp_small);
DECLARE_LOOPS(loops_axpy, mlp_medium);
DECLARE_LOOPS(loops_axpy, mlp_large);

/* loops_int8: quantised dynamically, each row by itself, as ONNX defines it. */
DECLARE_LOOPS(loops_int8, mlp_small);
DECLARE_LOOPS(loops_int8, mlp_medium);
DECLARE_LOOPS(loops_int8, mlp_large);

#undef DECLARE_LOOPS

#ifdef __cplusplus
}
#endif
