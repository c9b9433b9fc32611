#define ODR_VIEW fma
#include "scores.inl"
