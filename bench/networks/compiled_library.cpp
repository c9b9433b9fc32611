#include "compiled_library.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include <dlfcn.h>
#include <stdlib.h>

namespace tinymlp::bench {
namespace {

// A folder that goes when this does.
class scratch_folder {
public:
  scratch_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "tinymlp-bench-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error(name + ": cannot be made");
    path_ = name;
  }
  scratch_folder(const scratch_folder&) = delete;
  ~scratch_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

} // namespace

compiled_library::compiled_library(const std::string& source, const std::string& file_name,
                                   const std::string& compiler, const std::string& libraries) {
  const scratch_folder folder;
  const std::string from = (folder.path() / file_name).string();
  const std::string object = (folder.path() / "library.so").string();
  std::ofstream(from) << source;
  const std::string command =
      compiler + " -fPIC -shared -o '" + object + "' '" + from + "' " + libraries;
  if (std::system(command.c_str()) != 0)
    throw std::runtime_error("compiling " + file_name + " failed");
  handle_ = dlopen(object.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle_ == nullptr) throw std::runtime_error(dlerror());
}

compiled_library::~compiled_library() { dlclose(handle_); }

void* compiled_library::find(const std::string& name) const {
  void* found = dlsym(handle_, name.c_str());
  if (found == nullptr) throw std::runtime_error("the compiled library lacks " + name);
  return found;
}

} // namespace tinymlp::bench
