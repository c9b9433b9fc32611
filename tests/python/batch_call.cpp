// The C++ batch call over a file of float32 rows: batch_call MODEL ROWS SCORES. What every other
// way to score is compared with, bit for bit.
#include <tinymlp.hpp>

#include <cstdio>
#include <vector>

template <class Value> static std::vector<Value> read(const char* path) {
  std::vector<Value> values;
  std::FILE* const file = std::fopen(path, "rb");
  if (file == nullptr) return values;
  std::fseek(file, 0, SEEK_END);
  values.resize(static_cast<std::size_t>(std::ftell(file)) / sizeof(Value));
  std::rewind(file);
  values.resize(std::fread(values.data(), sizeof(Value), values.size(), file));
  std::fclose(file);
  return values;
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  tinymlp::owned_network net;
  if (net.load(read<char>(argv[1])).code != tinymlp::status::ok) return 1;
  const std::vector<float> rows = read<float>(argv[2]);
  std::vector<float> scores(rows.size() / net->inputs() * net->outputs());
  if (net->run(rows, scores) != tinymlp::status::ok) return 1;
  std::FILE* const file = std::fopen(argv[3], "wb");
  if (file == nullptr) return 1;
  const bool done = std::fwrite(scores.data(), sizeof(float), scores.size(), file) == scores.size();
  return std::fclose(file) == 0 && done ? 0 : 1;
}
