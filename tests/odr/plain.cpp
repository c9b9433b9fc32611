#define ODR_VIEW plain
#include "scores.inl"
