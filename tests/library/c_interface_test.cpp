// The C interface against the C++ header: the same bits, names, sizes and refusals. What the
// library computes is compared with networks that are read at run time, whose bits other tests
// compare with everything else.
#include <tinymlp.h>

#include <tinymlp/any_network.hpp>
#include <tinymlp/vmaf.hpp>

#include "onnx_writer.hpp"
#include "painted_stack.hpp"
#include "test_data.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace w = onnx_writer;
using test_data::same;
using tinymlp::owned_network;

std::vector<float> rows_for(std::size_t count, std::size_t inputs, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> value(-2, 2);
  std::vector<float> rows(count * inputs);
  for (float& x : rows) x = value(random);
  if (count > 3) rows[3 * inputs] = NAN;
  return rows;
}

tinymlp_model model_of(const std::string& file, const char* output = nullptr) {
  return {file.data(), file.size(), output, nullptr, 0};
}
std::string text(const w::bytes& file) { return std::string(file.view()); }

// Two inputs, of which the second alone reaches "late"; "early" comes from both.
std::string two_inputs_two_outputs() {
  w::model m;
  m.g.inputs = {{"left", {"N", 2}}, {"right", {"N", 3}}};
  m.g.initializers = {w::floats("w0", {5, 4}, w::weights(0, 20)),
                      w::floats("w1", {3, 1}, w::weights(1, 3))};
  m.g.nodes = {{"Concat", {"left", "right"}, {"both"}, {w::int_attribute("axis", 1)}},
               {"MatMul", {"both", "w0"}, {"early"}},
               {"MatMul", {"right", "w1"}, {"late"}}};
  m.g.outputs = {{"early", {"N", 4}}, {"late", {"N", 1}}};
  return text(m.write());
}

void check_same_bits(const tinymlp_network* net, const owned_network& expected) {
  REQUIRE(net != nullptr);
  REQUIRE(tinymlp_inputs(net) == expected->inputs());
  REQUIRE(tinymlp_outputs(net) == expected->outputs());
  CHECK(tinymlp_parameter_count(net) == expected->parameter_count());
  tinymlp_warm_up(net);
  for (const std::size_t count : {0, 1, 2, 17, 70}) {
    const std::vector<float> rows = rows_for(count, expected->inputs());
    std::vector<float> a(count * expected->outputs()), b(a.size(), -1);
    REQUIRE(expected->run(rows, a) == tinymlp::status::ok);
    const auto check = [&] {
      for (std::size_t i = 0; i < a.size(); ++i) CHECK(same(a[i], b[i]));
      std::fill(b.begin(), b.end(), -1.0F);
    };
    tinymlp_run(net, rows.data(), count, b.data());
    check();
    for (std::size_t i = 0; i < tinymlp_isa_count(); ++i) {
      REQUIRE(tinymlp_run_on(net, tinymlp_isa_name(i), rows.data(), count, b.data()) == TINYMLP_OK);
      check();
    }
    for (std::size_t r = 0; r < count; ++r) {
      const float score = tinymlp_score(net, &rows[r * expected->inputs()]);
      CHECK((expected->outputs() == 1 ? same(score, a[r]) : std::isnan(score)));
    }
  }
}

} // namespace

TEST_CASE("shipped networks give the bits of their files") {
  for (const std::string name : {"mlp_small", "mlp_medium", "mlp_large"})
    for (const std::string teacher : {"", "_4k"})
      for (const std::string form : {"", ".int8"}) {
        CAPTURE(name + teacher + form);
        const std::string file = test_data::must_read("model/" + name + teacher + form + ".onnx");
        owned_network expected;
        REQUIRE(expected.load(std::span<const char>(file)).code == tinymlp::status::ok);
        const tinymlp_network* net = tinymlp_shipped((name + teacher + form).c_str());
        check_same_bits(net, expected);
        CHECK(std::string(tinymlp_precision(net)) == (form.empty() ? "fp32" : "dynamic int8"));
        CHECK(std::string(tinymlp_output_name(net)) == "vmaf");
        REQUIRE(tinymlp_input_count(net) == 1);
        tinymlp_input input{};
        REQUIRE(tinymlp_get_input(net, 0, &input) == TINYMLP_OK);
        CHECK(std::string(input.name) == "features");
        CHECK(input.count == 6);
        CHECK(input.used == 1);
      }
  for (const char* name : {"", "mlp", "mlp_small ", "mlp_small.int4", "MLP_SMALL"})
    CHECK(tinymlp_shipped(name) == nullptr);
}

#if defined(TINYMLP_TEST_MEASURES_STACK)
TEST_CASE("reading a model takes the stack that the header says") {
  static tinymlp_model model;
  static std::vector<char> storage;
  std::size_t most = 0;
  for (const std::string& file : test_data::accepted_files()) {
    model = model_of(file);
    storage.resize(tinymlp_required_storage(&model, nullptr));
    for (void (*const read)() :
         {+[] { static_cast<void>(tinymlp_required_storage(&model, nullptr)); },
          +[] { static_cast<void>(tinymlp_load(storage.data(), storage.size(), &model, nullptr)); },
          +[] { tinymlp_destroy(tinymlp_create(&model, nullptr)); }})
      most = std::max(most, painted_stack::taken_by(read));
  }
  MESSAGE("stack of reading a model: ", most, " bytes");
  CHECK(most > 4096); // it was measured
  CHECK(most <= painted_stack::most_of_parsing);
}
#endif

TEST_CASE("a name that is not there is refused: getenv() and the like give NULL") {
  CHECK(tinymlp_shipped(nullptr) == nullptr);
  const tinymlp_network* net = tinymlp_shipped("mlp_small");
  const float row[6] = {};
  float out = -1;
  CHECK(tinymlp_run_on(net, nullptr, row, 1, &out) == TINYMLP_ISA_UNSUPPORTED);
  CHECK(out == -1);
  const std::string file = test_data::must_read("model/mlp_small.onnx");
  const tinymlp_external_file nameless{nullptr, file.data(), file.size()};
  const tinymlp_model model{file.data(), file.size(), nullptr, &nameless, 1};
  tinymlp_error error;
  CHECK(tinymlp_required_storage(&model, &error) == 0);
  CHECK(error.status == TINYMLP_BAD_EXTERNAL_DATA);
  CHECK(std::string(error.where) == "a tinymlp_external_file without a location");
}

TEST_CASE("a file gives the same network from malloc() and in the caller's storage") {
  std::vector<std::string> files{two_inputs_two_outputs(),
                                 text(w::int8_model({6, 16, 8, 1}, true).write()),
                                 text(w::static_model({6, 16, 8, 1}, false).write())};
  for (const char* path : {"model/mlp_large.onnx", "model/mlp_medium.int8.onnx"})
    files.push_back(test_data::must_read(path));
  for (const std::string& file : files) {
    owned_network expected;
    REQUIRE(expected.load(std::span<const char>(file)).code == tinymlp::status::ok);
    const tinymlp_model model = model_of(file);
    tinymlp_error error;
    tinymlp_network* made = tinymlp_create(&model, &error);
    CHECK(error.status == TINYMLP_OK);
    check_same_bits(made, expected);
    tinymlp_destroy(made);

    const std::size_t size = tinymlp_required_storage(&model, &error);
    REQUIRE(size > 0);
    for (const std::size_t shift : {0, 1, 8, 37}) {
      std::vector<unsigned char> memory(shift + size + 64, 0xa5);
      std::string copy = file; // which may go away
      const tinymlp_model of_copy = model_of(copy);
      const tinymlp_network* net = tinymlp_load(memory.data() + shift, size, &of_copy, nullptr);
      std::fill(copy.begin(), copy.end(), 'x');
      check_same_bits(net, expected);
      for (std::size_t i = 0; i < shift; ++i) CHECK(memory[i] == 0xa5);
      for (std::size_t i = shift + size; i < memory.size(); ++i) CHECK(memory[i] == 0xa5);
      CHECK(tinymlp_load(memory.data(), size - 1, &model, &error) == nullptr);
      CHECK(error.status == TINYMLP_SHORT_STORAGE);
    }
    CHECK(tinymlp_load(nullptr, 0, &model, &error) == nullptr);
    CHECK(error.status == TINYMLP_SHORT_STORAGE);
  }
}

TEST_CASE("inputs are told in the file's order, and an output is chosen by its name") {
  const std::string file = two_inputs_two_outputs();
  tinymlp_model model = model_of(file);
  tinymlp_network* early = tinymlp_create(&model, nullptr);
  REQUIRE(early != nullptr);
  CHECK(std::string(tinymlp_output_name(early)) == "early");
  REQUIRE(tinymlp_input_count(early) == 2);
  tinymlp_input input{};
  REQUIRE(tinymlp_get_input(early, 1, &input) == TINYMLP_OK);
  CHECK(std::string(input.name) == "right");
  CHECK(input.first == 2);
  CHECK(input.count == 3);
  CHECK(tinymlp_get_input(early, 2, &input) == TINYMLP_SIZE_MISMATCH);
  tinymlp_destroy(early);

  model.output = "late";
  tinymlp_network* late = tinymlp_create(&model, nullptr);
  REQUIRE(late != nullptr);
  CHECK(std::string(tinymlp_output_name(late)) == "late");
  CHECK(tinymlp_inputs(late) == 3);
  REQUIRE(tinymlp_get_input(late, 0, &input) == TINYMLP_OK);
  CHECK(std::string(input.name) == "left");
  CHECK(input.used == 0);
  tinymlp_destroy(late);

  model.output = "neither";
  tinymlp_error error;
  CHECK(tinymlp_create(&model, &error) == nullptr);
  CHECK(error.status == TINYMLP_UNKNOWN_OUTPUT);
}

TEST_CASE("a refusal is the C++ header's, at every place a file may be cut") {
  const std::string whole = two_inputs_two_outputs();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string cut = whole.substr(0, size);
    owned_network net;
    const tinymlp::error expected = net.load(std::span<const char>(cut));
    const tinymlp_model model = model_of(cut);
    tinymlp_error error;
    CHECK(tinymlp_create(&model, &error) == nullptr);
    CHECK(error.status == static_cast<tinymlp_status>(expected.code));
    CHECK(error.offset == expected.offset);
    CHECK(std::string(error.where) == expected.where.substr(0, sizeof error.where - 1));
    CHECK(tinymlp_required_storage(&model, nullptr) == 0);
    CHECK(std::string(tinymlp_status_message(error.status)) == tinymlp::message(expected.code));
    CHECK(std::string(tinymlp_status_advice(error.status)) == tinymlp::onnx::advice(expected.code));
  }
}

TEST_CASE("names that do not fit an error are cut between characters") {
  w::model m;
  const std::string name = "a" + [] {
    std::string twos;
    for (int i = 0; i < 80; ++i) twos += "\xc3\xa4";
    return twos;
  }();
  m.g.inputs = {{"x", {"N", 2}}};
  m.g.nodes = {{"Relu", {w::bytes(name)}, {"y"}}};
  m.g.outputs = {{"y", {"N", 2}}};
  const std::string file = text(m.write());
  const tinymlp_model model = model_of(file);
  tinymlp_error error;
  std::memset(&error, 'z', sizeof error);
  REQUIRE(tinymlp_create(&model, &error) == nullptr);
  CHECK(error.status == TINYMLP_DANGLING_NAME);
  CHECK(std::string(error.where) == name.substr(0, 95));
}

TEST_CASE("external data is found by its location, among at most 64 files") {
  w::model m;
  m.g.inputs = {{"x", {"N", 2}}};
  m.g.initializers = {w::floats("w", {2, 1}, {0.5F, -2.0F})};
  m.g.nodes = {{"MatMul", {"x", "w"}, {"y"}}};
  m.g.outputs = {{"y", {"N", 1}}};
  const std::string inside = text(m.write());
  const std::string data = text(m.g.initializers[0].raw_data());
  m.g.initializers[0].form = w::storage::external;
  m.g.initializers[0].external = {{"location", "weights.bin"}};
  const std::string outside = text(m.write());
  tinymlp_model model = model_of(outside);
  tinymlp_error error;
  CHECK(tinymlp_create(&model, &error) == nullptr);
  CHECK(error.status == TINYMLP_EXTERNAL_DATA_MISSING);
  CHECK(std::string(error.where) == "weights.bin");
  const tinymlp_external_file files[] = {{"other", "", 0},
                                         {"weights.bin", data.data(), data.size()}};
  model.external_files = files;
  model.external_file_count = 2;
  tinymlp_network* net = tinymlp_create(&model, &error);
  owned_network expected;
  REQUIRE(expected.load(std::span<const char>(inside)).code == tinymlp::status::ok);
  check_same_bits(net, expected);
  tinymlp_destroy(net);
  const std::vector<tinymlp_external_file> many(65, files[1]);
  model.external_files = many.data();
  model.external_file_count = many.size();
  CHECK(tinymlp_create(&model, &error) == nullptr);
  CHECK(error.status == TINYMLP_BAD_EXTERNAL_DATA);
}

TEST_CASE("instruction sets are those of the CPU, and others are refused by name") {
  std::vector<std::string> names;
  for (const tinymlp::isa which : tinymlp::supported())
    if (tinymlp::kernels::built().contains(which)) names.emplace_back(tinymlp::name(which));
  REQUIRE(tinymlp_isa_count() == names.size());
  for (std::size_t i = 0; i < names.size(); ++i) CHECK(tinymlp_isa_name(i) == names[i]);
  CHECK(tinymlp_isa_name(names.size()) == nullptr);
  CHECK(tinymlp_isa_name(0) == std::string("reference"));
  const float row[6]{};
  float out = -1;
  for (const char* name : {"", "avx1024", "AVX2"})
    CHECK(tinymlp_run_on(tinymlp_shipped("mlp_small"), name, row, 1, &out) ==
          TINYMLP_ISA_UNSUPPORTED);
  CHECK(out == -1);
}

TEST_CASE("what VMAF needs besides is that of the C++ header") {
  const tinymlp_vmaf_features frame{0.956559F, 0.402946F, 0.8345F, 0.915718F, 0.95124F, 0.5F};
  const tinymlp::vmaf::features same_frame{0.956559F, 0.402946F, 0.8345F,
                                           0.915718F, 0.95124F,  0.5F};
  const tinymlp_network* small = tinymlp_shipped("mlp_small");
  CHECK(tinymlp_vmaf_score(small, &frame) == tinymlp_score(small, &frame.adm2));
  CHECK(tinymlp_vmaf_in_verified_region(&frame) ==
        (tinymlp::vmaf::in_verified_region(same_frame) ? 1 : 0));
  const tinymlp_vmaf_features unset = TINYMLP_VMAF_UNSET;
  CHECK(std::isnan(tinymlp_vmaf_score(small, &unset)));
  CHECK(tinymlp_vmaf_in_verified_region(&unset) == 0);
  for (const float score : {-5.0F, 0.0F, 42.5F, 99.0F, 120.0F, NAN}) {
    CHECK(same(tinymlp_vmaf_clip(score), tinymlp::vmaf::clip(score)));
    CHECK(same(tinymlp_vmaf_phone(score), tinymlp::vmaf::phone(score)));
  }
  const std::string file = two_inputs_two_outputs();
  const tinymlp_model model = model_of(file);
  tinymlp_network* other = tinymlp_create(&model, nullptr);
  CHECK(std::isnan(tinymlp_vmaf_score(other, &frame)));
  tinymlp_destroy(other);
}

TEST_CASE("motion2 streams are the C++ header's") {
  tinymlp_motion2_stream stream = TINYMLP_MOTION2_START;
  tinymlp::vmaf::motion2_stream expected;
  float motion2 = -1;
  CHECK(tinymlp_motion2_flush(&stream, &motion2) == 0);
  for (int clip = 0; clip < 2; ++clip) {
    for (const float motion : {3.0F, 1.0F, 2.0F, NAN, 4.0F, 4.0F}) {
      const auto want = expected.push(motion);
      REQUIRE(tinymlp_motion2_push(&stream, motion, &motion2) == (want ? 1 : 0));
      if (want) CHECK(same(motion2, *want));
    }
    REQUIRE(tinymlp_motion2_flush(&stream, &motion2) == 1);
    CHECK(same(motion2, *expected.flush()));
  }
}

TEST_CASE("the version is the header's") {
  CHECK(tinymlp_version() == std::to_string(TINYMLP_VERSION_MAJOR) + "." +
                                 std::to_string(TINYMLP_VERSION_MINOR) + "." +
                                 std::to_string(TINYMLP_VERSION_PATCH));
  tinymlp_destroy(nullptr);
}

TEST_CASE("a network is shared by threads") {
  const tinymlp_network* net = tinymlp_shipped("mlp_medium");
  const std::vector<float> rows = rows_for(64, 6, 7);
  std::vector<float> expected(64);
  tinymlp_run(net, rows.data(), 64, expected.data());
  std::vector<std::vector<float>> out(4, std::vector<float>(64));
  std::vector<std::thread> threads;
  for (auto& to : out)
    threads.emplace_back([&, data = to.data()] { tinymlp_run(net, rows.data(), 64, data); });
  for (std::thread& t : threads) t.join();
  for (const auto& got : out)
    for (std::size_t i = 0; i < 64; ++i) CHECK(same(got[i], expected[i]));
}
