// A shared library that is written, compiled and loaded while the bench runs.
#pragma once

#include <string>

namespace tinymlp::bench {

class compiled_library {
public:
  // `source` in a file of that name, by `compiler` (a command and its flags); `libraries` come
  // last. Throws std::runtime_error where compiling or loading fails.
  compiled_library(const std::string& source, const std::string& file_name,
                   const std::string& compiler, const std::string& libraries = "");
  compiled_library(const compiled_library&) = delete;
  ~compiled_library();

  // Throws std::runtime_error where there is none of that name.
  template <class Function> Function function(const std::string& name) const {
    return reinterpret_cast<Function>(find(name));
  }
  template <class Value> Value* symbol(const std::string& name) const {
    return static_cast<Value*>(find(name));
  }

private:
  void* find(const std::string& name) const;

  void* handle_;
};

} // namespace tinymlp::bench
