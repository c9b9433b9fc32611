// Elementary functions of other libraries, as good as the compiler makes them on this machine.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

struct elementary_peer {
  std::string function, library;
  void (*apply)(const float* x, float* y, std::size_t count); // count: a multiple of 64
};

std::vector<elementary_peer> elementary_peers();
