#include "loops.h"

#include <math.h>

#include "plain_weights.h"

/* x [inputs] -> y [outputs] */

#define SCALE(y, x, net)                                                                           \
  for (int i = 0; i < 6; ++i) y[i] = (x[i] - net##_mean0[i]) / net##_std0[i]

#define DENSE_DOT(y, x, net, l, inputs, outputs)                                                   \
  for (int o = 0; o < outputs; ++o) {                                                              \
    float sum = net##_bias##l[o];                                                                  \
    for (int i = 0; i < inputs; ++i) sum += net##_weight_t##l[o * inputs + i] * x[i];              \
    y[o] = sum;                                                                                    \
  }

#define DENSE_AXPY(y, x, net, l, inputs, outputs)                                                  \
  for (int o = 0; o < outputs; ++o) y[o] = net##_bias##l[o];                                       \
  for (int i = 0; i < inputs; ++i)                                                                 \
    for (int o = 0; o < outputs; ++o) y[o] += net##_weight##l[i * outputs + o] * x[i]

#define RELU(x, count)                                                                             \
  for (int o = 0; o < count; ++o) x[o] = x[o] > 0 ? x[o] : 0

/* DynamicQuantizeLinear -> MatMulInteger -> Cast -> Mul -> Add */
#define DENSE_INT8(y, x, net, l, inputs, outputs)                                                  \
  {                                                                                                \
    int q[inputs], sum[outputs];                                                                   \
    const float step = quantize(x, inputs, q);                                                     \
    for (int o = 0; o < outputs; ++o) sum[o] = 0;                                                  \
    for (int i = 0; i < inputs; ++i)                                                               \
      for (int o = 0; o < outputs; ++o) sum[o] += q[i] * net##_q##l[i * outputs + o];              \
    for (int o = 0; o < outputs; ++o)                                                              \
      y[o] = (float)sum[o] * (step * net##_scale##l[0]) + net##_bias##l[o];                        \
  }

/* q: the values less their zero point, -255 to 255. Returns their scale. */
static inline float quantize(const float* x, int count, int* q) {
  float low = 0, high = 0;
  for (int i = 0; i < count; ++i) {
    low = x[i] < low ? x[i] : low;
    high = x[i] > high ? x[i] : high;
  }
  const float scale = high == low ? 1 : (high - low) / 255;
  const float zero_point = rintf(-low / scale);
  for (int i = 0; i < count; ++i) {
    const float value = rintf(x[i] / scale);
    q[i] = (int)fminf(fmaxf(value, -zero_point), 255 - zero_point);
  }
  return scale;
}

#define TWO_HIDDEN(kind, net, DENSE, h1, h2)                                                       \
  float kind##_##net##_row(const float* features) {                                                \
    float x[6], a[h1], b[h2], score[1];                                                            \
    SCALE(x, features, net);                                                                       \
    DENSE(a, x, net, 0, 6, h1);                                                                    \
    RELU(a, h1);                                                                                   \
    DENSE(b, a, net, 1, h1, h2);                                                                   \
    RELU(b, h2);                                                                                   \
    DENSE(score, b, net, 2, h2, 1);                                                                \
    return score[0];                                                                               \
  }

#define THREE_HIDDEN(kind, net, DENSE, h1, h2, h3)                                                 \
  float kind##_##net##_row(const float* features) {                                                \
    float x[6], a[h1], b[h2], c[h3], score[1];                                                     \
    SCALE(x, features, net);                                                                       \
    DENSE(a, x, net, 0, 6, h1);                                                                    \
    RELU(a, h1);                                                                                   \
    DENSE(b, a, net, 1, h1, h2);                                                                   \
    RELU(b, h2);                                                                                   \
    DENSE(c, b, net, 2, h2, h3);                                                                   \
    RELU(c, h3);                                                                                   \
    DENSE(score, c, net, 3, h3, 1);                                                                \
    return score[0];                                                                               \
  }

#define ROWS(kind, net)                                                                            \
  void kind##_##net##_rows(const float* features, size_t count, float* scores) {                   \
    for (size_t r = 0; r < count; ++r) scores[r] = kind##_##net##_row(features + 6 * r);           \
  }

#define ALL(kind, DENSE)                                                                           \
  TWO_HIDDEN(kind, mlp_small, DENSE, 16, 8)                                                        \
  TWO_HIDDEN(kind, mlp_medium, DENSE, 32, 16)                                                      \
  THREE_HIDDEN(kind, mlp_large, DENSE, 64, 32, 16)                                                 \
  ROWS(kind, mlp_small)                                                                            \
  ROWS(kind, mlp_medium)                                                                           \
  ROWS(kind, mlp_large)

#ifdef LOOPS_512
ALL(loops512, DENSE_DOT)
ALL(loops512_axpy, DENSE_AXPY)
ALL(loops512_int8, DENSE_INT8)
#else
ALL(loops, DENSE_DOT)
ALL(loops_axpy, DENSE_AXPY)
ALL(loops_int8, DENSE_INT8)
#endif
