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

#define DECLARE_NETWORKS(kind)                                                                     \
  DECLARE_LOOPS(kind, mlp_small);                                                                  \
  DECLARE_LOOPS(kind, mlp_medium);                                                                 \
  DECLARE_LOOPS(kind, mlp_large)

/* loops: a dot product an output, weights [output][input], the order in the ONNX file.
 * loops_axpy: the loops exchanged, weights [input][output], which compilers vectorise with ease.
 * loops_int8: quantised dynamically, each row by itself, as ONNX defines it.
 * loops512...: the same, compiled to prefer vectors of 512 bits, where the processor has them. */
DECLARE_NETWORKS(loops);
DECLARE_NETWORKS(loops_axpy);
DECLARE_NETWORKS(loops_int8);
DECLARE_NETWORKS(loops512);
DECLARE_NETWORKS(loops512_axpy);
DECLARE_NETWORKS(loops512_int8);

#undef DECLARE_NETWORKS
#undef DECLARE_LOOPS

#ifdef __cplusplus
}
#endif
