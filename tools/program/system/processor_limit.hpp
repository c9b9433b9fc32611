// An end to work whose length a stranger's file decides.
#pragma once

#include <string_view>

namespace tinymlp::tools {

// While it lives, the program ends with exit status 2 and this message (at most 400 bytes) once it
// has used so many seconds of processor time. For what no count made beforehand bounds well. One at
// a time.
class processor_limit {
public:
  processor_limit(int seconds, std::string_view message);
  processor_limit(const processor_limit&) = delete;
  processor_limit& operator=(const processor_limit&) = delete;
  ~processor_limit();
};

} // namespace tinymlp::tools
