// Every expression is checked twice, once by the compiler and once at run time, so that the two
// cannot drift apart.
#pragma once

#include <doctest/doctest.h>

#define CHECK_BOTH_WAYS(...)                                                                       \
  do {                                                                                             \
    static_assert(__VA_ARGS__);                                                                    \
    CHECK(__VA_ARGS__);                                                                            \
  } while (false)
