// Damaged models: every prefix, and every byte changed. Each is refused with an error that points
// into the bytes, or is a model in its own right and scores. The bytes lie in a heap buffer of
// exactly their size, so that a sanitizer sees a read beyond it. With -Dshort_tests=true, for
// sanitizers and emulators, one of some prefixes and changes each; a plain build tries all.
#include "onnx_writer.hpp"
#include "test_data.hpp"

#include <tinymlp/load.hpp>
#include <tinymlp/network.hpp>
#include <tinymlp/quantized.hpp>
#include <tinymlp/static_quantized.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace w = onnx_writer;
using tinymlp::status;

namespace {

#if defined(TINYMLP_SHORT_TESTS)
constexpr std::size_t one_of = 5;
#else
constexpr std::size_t one_of = 1;
#endif

class exact_buffer {
public:
  explicit exact_buffer(std::string_view bytes)
      : bytes_(new char[bytes.size()]), size_(bytes.size()) {
    if (size_ != 0) std::memcpy(bytes_.get(), bytes.data(), size_);
  }
  char& operator[](std::size_t i) { return bytes_[i]; }
  std::span<const char> span() const { return {bytes_.get(), size_}; }

private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_;
};

// Names that are not taken from the model. They are constants of the engine, outside the buffer.
bool inside(std::string_view where, std::span<const char> bytes) {
  return where.data() >= bytes.data() && where.data() + where.size() <= bytes.data() + bytes.size();
}
bool is_literal(std::string_view where) {
  for (const char c : where) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && c != '_' && c != ' ' && (c < '0' || c > '9')) return false;
  }
  return !where.empty() && where.size() < 32;
}

bool sound(const tinymlp::error& e, std::span<const char> bytes) {
  return e.code != status::ok && e.offset <= bytes.size() && !e.where.empty() &&
         (inside(e.where, bytes) || is_literal(e.where)) &&
         tinymlp::message(e.code) != "unknown error";
}

// Loads the bytes as Net; scores one row if they are a model.
template <class Net> bool defined(std::span<const char> bytes) {
  const tinymlp::result<Net> net = tinymlp::load<Net>(bytes);
  if (!net) return sound(net.error(), bytes);
  std::array<float, Net::inputs> row{};
  row.fill(0.75F);
  const float score = net->score(row);
  for (const tinymlp::isa isa : tinymlp::supported())
    if (!test_data::same(*net->score(row, isa), score)) return false;
  return true;
}

// Every shape at hand; where the plan has another, the refusal must be sound, too.
using networks =
    std::tuple<tinymlp::mlp_small, tinymlp::mlp_medium, tinymlp::mlp_large, tinymlp::mlp_small_int8,
               tinymlp::mlp_medium_int8, tinymlp::mlp_large_int8, tinymlp::network<1, 1>,
               tinymlp::network<3, 2, 1>, tinymlp::quantized_network<3, 2, 1>,
               tinymlp::static_quantized_network<3, 2, 1>, tinymlp::mlp_large_static_int8>;

bool is_defined(std::span<const char> bytes) {
  const auto plan = tinymlp::onnx::parse(bytes);
  if (!plan) return sound(plan.error(), bytes);
  return [bytes]<class... Net>(std::tuple<Net...>*) {
    return (defined<Net>(bytes) && ...);
  }(static_cast<networks*>(nullptr));
}

// Where a field of ModelProto ends: there alone may a prefix be a model, when what follows is
// optional. Knows tags of one byte, which is all that these models have at the top.
std::set<std::size_t> ends_of_fields(std::string_view model) {
  std::set<std::size_t> ends;
  const auto varint = [&model](std::size_t& at) {
    std::size_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(model.at(at++));
      value |= static_cast<std::size_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  for (std::size_t at = 0; at < model.size();) {
    const bool delimited = (model[at++] & 7) == 2;
    const std::size_t value = varint(at);
    if (delimited) at += value;
    ends.insert(at);
  }
  return ends;
}

void check_prefixes(const std::string& name, std::string_view model) {
  CAPTURE(name);
  const std::set<std::size_t> ends = ends_of_fields(model);
  std::size_t accepted = 0;
  for (std::size_t n = 0; n <= model.size(); ++n) {
    if (n % one_of != 0 && !ends.contains(n)) continue;
    const exact_buffer prefix(model.substr(0, n));
    const bool is_model = tinymlp::onnx::parse(prefix.span()).has_value();
    if (!is_defined(prefix.span()) || (is_model && !ends.contains(n))) {
      CAPTURE(n);
      CHECK(is_defined(prefix.span()));
      CHECK_FALSE(is_model);
    }
    accepted += is_model;
  }
  CHECK(accepted >= 1); // the whole model
  CHECK(accepted <= 4); // metadata and imports of further domains may be missing
}

void check_mutant(const std::string& name, exact_buffer& bytes, std::size_t at, int value) {
  const char before = bytes[at];
  bytes[at] = static_cast<char>(value);
  if (!is_defined(bytes.span())) {
    CAPTURE(name);
    CAPTURE(at);
    CAPTURE(value);
    CHECK(is_defined(bytes.span()));
  }
  bytes[at] = before;
}

struct named_model {
  std::string name, bytes;
};

// Shipped, upstream's where present, and a choice of those in accepted.txt, which hold forms that
// no exporter of ours writes.
std::vector<named_model> models() {
  std::vector<named_model> found;
  for (const char* folder : {"model", "../shared/models"}) {
    if (!std::filesystem::is_directory(folder)) continue;
    for (const auto& file : std::filesystem::directory_iterator(folder))
      if (file.path().extension() == ".onnx")
        found.push_back(
            {file.path().filename().string(), test_data::must_read(file.path().string())});
  }
  std::istringstream lines(test_data::must_read("tests/data/accepted.txt"));
  std::string name;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("model ")) name = line.substr(6);
    if (line.starts_with("onnx ") && name.find("external") == std::string::npos)
      found.push_back({name, test_data::base64(line.substr(5))});
  }
  found.push_back({"written", std::string(w::fp32_model({3, 2, 1}).write().view())});
  found.push_back({"written int8", std::string(w::int8_model({3, 2, 1}).write().view())});
  found.push_back({"written static", std::string(w::static_model({3, 2, 1}).write().view())});
  found.push_back({"written static, computed",
                   std::string(w::static_model({6, 64, 32, 16, 1}, true, true).write().view())});
  return found;
}

w::bytes tiny_model() {
  w::model m = w::fp32_model({1, 1});
  m.producer_name = "p";
  for (w::node& n : m.g.nodes) n.name = {};
  return m.write();
}

} // namespace

TEST_CASE("every prefix of every model is refused, unless only optional fields are missing") {
  const std::vector<named_model> all = models();
  CHECK(all.size() > 90);
  for (const named_model& m : all) check_prefixes(m.name, m.bytes);
}

TEST_CASE("a small model with any one byte changed is refused or is a model") {
  for (const w::bytes& model :
       {tiny_model(), w::fp32_model({3, 2, 1}).write(), w::static_model({3, 2, 1}).write()}) {
    exact_buffer bytes(model.view());
    for (std::size_t at = 0; at < model.size(); ++at)
      for (std::size_t value = at % one_of; value < 256; value += one_of)
        check_mutant("written", bytes, at, static_cast<int>(value));
  }
}

TEST_CASE("larger models with one byte changed, sampled") {
  std::mt19937 random(20080401);
  for (const named_model& m : models()) {
    exact_buffer bytes(m.bytes);
    for (std::size_t i = 0; i < 1000 / one_of; ++i) {
      const std::size_t at = random() % m.bytes.size();
      check_mutant(m.name, bytes, at, static_cast<int>(random() % 256));
    }
  }
}

TEST_CASE("models with several bytes changed, or a run of bytes removed or doubled") {
  std::mt19937 random(20080402);
  for (const named_model& m : models()) {
    CAPTURE(m.name);
    for (std::size_t i = 0; i < 300 / one_of; ++i) {
      std::string bytes = m.bytes;
      const std::size_t at = random() % bytes.size();
      const std::size_t n = random() % std::min<std::size_t>(64, bytes.size() - at);
      switch (random() % 3) {
      case 0:
        for (int k = 0; k < 4; ++k) bytes[random() % bytes.size()] = static_cast<char>(random());
        break;
      case 1: bytes.erase(at, n); break;
      default: bytes.insert(at, bytes.substr(at, n)); break;
      }
      if (!is_defined(exact_buffer(bytes).span())) {
        CAPTURE(i);
        CHECK(is_defined(exact_buffer(bytes).span()));
      }
    }
  }
}
