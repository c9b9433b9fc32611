// What the C++ does with buffers read from standard input, a line each (hexadecimal, "-" for none):
// varint, fixed of 4 and 8 bytes, and the next field. prove.py compares it with its model. Each
// buffer is an allocation of its own size, so that a sanitizer sees a read beyond it.
#include <tinymlp/onnx/tensor.hpp>

#include <cstdint>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>

namespace {

using namespace tinymlp;

int code_of(status s) {
  switch (s) {
  case status::ok: return 0;
  case status::truncated: return 1;
  case status::bad_varint: return 2;
  case status::bad_field: return 3;
  default: return -1;
  }
}

template <class Read> void print_number(const protobuf::view& bytes, Read read) {
  protobuf::cursor c(bytes);
  std::uint64_t value = 0;
  const status s = read(c, value);
  std::printf("%d %llu %zu ", code_of(s), static_cast<unsigned long long>(value), c.offset());
}

void print_all(const protobuf::view& bytes) {
  print_number(bytes, [](protobuf::cursor& c, std::uint64_t& v) { return c.varint(v); });
  print_number(bytes, [](protobuf::cursor& c, std::uint64_t& v) { return c.fixed(4, v); });
  print_number(bytes, [](protobuf::cursor& c, std::uint64_t& v) { return c.fixed(8, v); });
  protobuf::cursor c(bytes);
  protobuf::field f;
  const status s = c.next(f);
  std::printf("%d %u %u %llu %zu %zu %zu\n", code_of(s), f.number, static_cast<unsigned>(f.type),
              static_cast<unsigned long long>(f.value),
              f.payload.data == nullptr ? 0 : static_cast<std::size_t>(f.payload.data - bytes.data),
              f.payload.size, c.offset());
}

// "dimension COUNT DIM": a further dimension of a tensor that has COUNT elements so far.
void print_dimension(std::uint64_t count, std::uint64_t dim) {
  onnx::tensor t;
  t.count = count;
  const error e = onnx::detail::append_dimension(t, dim, 0);
  std::printf("%d %llu %u\n", e.code == status::ok, static_cast<unsigned long long>(t.count),
              t.dims[0]);
}
void print_decimal(const std::string& text) {
  std::uint64_t value = 0;
  const bool read = onnx::detail::parse_decimal(text, value);
  std::printf("%d %llu\n", read, static_cast<unsigned long long>(value));
}

} // namespace

int main() {
  for (std::string word; std::cin >> word;) {
    if (word == "dimension") {
      std::uint64_t count = 0, dim = 0;
      std::cin >> count >> dim;
      print_dimension(count, dim);
      continue;
    }
    if (word == "decimal") {
      std::cin >> word;
      print_decimal(word);
      continue;
    }
    const std::size_t size = word == "-" ? 0 : word.size() / 2;
    const std::unique_ptr<char[]> bytes(new char[size]);
    for (std::size_t i = 0; i < size; ++i)
      bytes[i] = static_cast<char>(std::stoi(word.substr(2 * i, 2), nullptr, 16));
    print_all({bytes.get(), size, 0});
  }
}
