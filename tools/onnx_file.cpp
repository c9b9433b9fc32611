#include "onnx_file.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "byte_source.hpp"
#include "failure.hpp"

namespace tinymlp::tools {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t largest_model = std::size_t{64} << 20;
constexpr std::size_t most_external_files = 16;

class descriptor {
public:
  explicit descriptor(int number) : number_(number) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const noexcept { return number_; }
  bool valid() const noexcept { return number_ >= 0; }

private:
  int number_;
};

bool stays_inside(const fs::path& location) {
  if (location.empty() || location.is_absolute() || location.has_root_name()) return false;
  for (const fs::path& part : location)
    if (part == ".." || part.empty()) return false;
  return true;
}

// Opens folder after folder without following links, so that nothing swapped meanwhile leads out.
descriptor open_beneath(const std::string& model_path, const std::string& location) {
  fs::path folder = fs::path(model_path).parent_path();
  descriptor at(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const fs::path path(location);
  for (auto part = path.begin(); part != path.end() && at.valid(); ++part) {
    const bool last = std::next(part) == path.end();
    const int kind = last ? O_NONBLOCK : O_DIRECTORY;
    at = descriptor(::openat(at.get(), part->c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | kind));
  }
  return at;
}

std::vector<char> read_regular_file(const descriptor& file, const std::string& name) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail("{}: cannot read: {}", name, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) fail("{}: is not a regular file", name);
  if (static_cast<std::size_t>(status.st_size) > largest_model)
    fail("{}: larger than {} MiB", name, largest_model >> 20);
  std::vector<char> bytes(static_cast<std::size_t>(status.st_size));
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("{}: cannot read: {}", name, std::strerror(errno));
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

external_data read_external(const std::string& model_path, const std::string& location) {
  if (!stays_inside(location) || location.find('\0') != std::string::npos)
    fail("{}: external data at '{}': only a path inside the model's folder is read", model_path,
         location);
  const descriptor file = open_beneath(model_path, location);
  if (!file.valid() && errno == ELOOP)
    fail("{}: external data at '{}': a symbolic link, which is not followed", model_path, location);
  if (!file.valid())
    fail("{}: external data at '{}': cannot open: {}", model_path, location, std::strerror(errno));
  external_data data{location, read_regular_file(file, model_path + ": external data " + location),
                     ""};
  data.sha256 = sha256_of({data.bytes.data(), data.bytes.size()});
  return data;
}

// The parser asks for one file of external data at a time, by name.
void parse(onnx_file& file) {
  for (;;) {
    std::vector<onnx::external_file> given;
    for (const external_data& data : file.external) given.push_back({data.location, data.bytes});
    const result<onnx::plan> plan = onnx::parse(file.bytes, given);
    if (plan) {
      file.plan = *plan;
      return;
    }
    const error why = plan.error();
    const bool wants_more = why.code == errc::external_data_missing;
    if (!wants_more || file.external.size() == most_external_files)
      fail("{}: {}", file.path, describe(why));
    file.external.push_back(read_external(file.path, std::string(why.where)));
  }
}

} // namespace

std::string sha256_of(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1)
    fail("SHA-256 is not available");
  std::string hex;
  for (unsigned i = 0; i < length; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

std::string describe(const error& why) {
  return fmt::format("byte {}: {}{}{}{}", why.offset, message(why.code),
                     why.where.empty() ? "" : " (", why.where, why.where.empty() ? "" : ")");
}

std::string shape_text(const onnx::plan& plan) {
  std::string text = fmt::format("{}", plan.inputs);
  for (std::size_t l = 0; l < plan.layer_count; ++l)
    text += fmt::format("-{}", plan.layers[l].outputs);
  return text;
}

std::vector<float> broadcast_values(const onnx::tensor& from, std::size_t count) {
  std::vector<float> values(count);
  onnx::element_reader reader(from);
  float value = 0;
  for (float& to : values) {
    reader.next(value); // past its end a reader keeps the last value
    to = value;
  }
  return values;
}

onnx_file read_onnx_file(const std::string& path) {
  byte_source source(path);
  held_text text = read_whole(source, largest_model, 0, "not one of these networks");
  onnx_file file;
  file.path = source.name();
  file.bytes = std::move(text.bytes);
  file.bytes.resize(text.size);
  file.sha256 = sha256_of({file.bytes.data(), file.bytes.size()});
  parse(file);
  return file;
}

} // namespace tinymlp::tools
