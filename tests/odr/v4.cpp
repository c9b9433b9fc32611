#define ODR_VIEW v4
#include "scores.inl"
