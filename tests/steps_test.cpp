// Networks of any shape, made at random: every kernel against the reference, bit for bit, one row
// and batches. Goes through what is registered, so a new instruction set is tested without a
// change.
#include "random_steps.hpp"

namespace {

using namespace random_steps;

std::size_t some_width(generator& random) {
  constexpr std::size_t widths[]{1,  2,  3,  4,  5,  6,  7,  8,  9,  12, 15,
                                 16, 17, 24, 29, 32, 33, 48, 64, 65, 100};
  return widths[random() % std::size(widths)];
}

TEST_CASE(
    "places that would not fit 32 bits are told, though a file that shares an array is small") {
  extent size;
  std::size_t moved = 0;
  step s;
  s.op = step_op::dense;
  s.inputs = s.outputs = 16384;
  for (int layer = 0; layer < 7; ++layer) place(s, size, moved);
  CHECK(fits(size));
  for (int layer = 0; layer < 57; ++layer) place(s, size, moved);
  CHECK(size.floats > std::uint64_t{1} << 32);
  CHECK(!fits(size));
}

TEST_CASE("dense steps of every width agree with the reference") {
  generator random(1);
  for (const std::size_t inputs : {1, 2, 3, 4, 6, 7, 8, 15, 16, 17, 18, 19, 31, 33, 64, 130})
    for (const std::size_t outputs : {1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 31, 32, 40}) {
      net made(inputs);
      made.add(step_op::dense, outputs);
      made.fill(random, 1);
      check<any_shape>(made, random, std::to_string(inputs) + "-" + std::to_string(outputs));
    }
}

TEST_CASE(
    "a network of one output alone agrees with the reference, and reads no further than its row") {
  generator random(6);
  for (std::size_t inputs = 1; inputs <= 41; ++inputs)
    for (const activation a : {activation::identity, activation::relu, activation::tanh}) {
      net made(inputs);
      made.add(step_op::dense_to_one, 1, a);
      made.fill(random, 1);
      check<any_shape>(made, random, std::to_string(inputs) + "-1");
    }
}

TEST_CASE("each activation agrees with the reference") {
  generator random(2);
  for (std::size_t a = 0; a < activation_count; ++a) {
    net made(11);
    made.add(step_op::dense, 23, static_cast<activation>(a));
    made.add(step_op::affine, 23, static_cast<activation>(a));
    made.add(step_op::dense_to_one, 1, static_cast<activation>(a));
    made.fill(random, 3);
    check<any_shape>(made, random, std::string(name(static_cast<activation>(a))));
  }
}

TEST_CASE("each other step agrees with the reference") {
  generator random(3);
  using enum step_op;
  for (const step_op op : {affine, centre, add, subtract_from, multiply, divide, activate,
                           layer_norm, softmax, log_softmax})
    for (const std::size_t n : {1, 2, 5, 8, 9, 16, 23, 40}) {
      net made(n);
      made.add(op, n);
      made.add(dense, 7);
      made.add(op, 7);
      made.fill(random, 1);
      check<any_shape>(made, random, std::to_string(static_cast<int>(op)));
    }
  net made(20);
  made.add(slice, 11).at = 6;
  made.add(dense_to_one, 1, activation::sigmoid);
  made.add(complement, 2);
  made.fill(random, 1);
  check<any_shape>(made, random, "slice, complement");
}

TEST_CASE("random networks agree with the reference") {
  generator random(4);
  for (int round = 0; round < 150; ++round) {
    net made(some_width(random));
    std::string what = std::to_string(made.inputs);
    if (random() % 2 == 0) made.add(step_op::centre, made.width);
    const std::size_t layers = 1 + random() % 5;
    for (std::size_t l = 0; l < layers; ++l) {
      made.add(step_op::dense, some_width(random),
               static_cast<activation>(random() % activation_count));
      if (random() % 4 == 0) made.add(step_op::layer_norm, made.width);
      if (random() % 4 == 0) made.add(step_op::affine, made.width);
      what += "-" + std::to_string(made.width);
    }
    if (random() % 3 == 0) made.add(step_op::dense_to_one, 1);
    if (random() % 4 == 0) made.add(step_op::softmax, made.width);
    made.fill(random, 2);
    check<any_shape>(made, random, what);
  }
}

TEST_CASE("random int8 networks agree with the reference") {
  generator random(5);
  for (int round = 0; round < 80; ++round) {
    net made(some_width(random));
    std::string what = std::to_string(made.inputs);
    if (random() % 2 == 0) made.add(step_op::centre, made.width);
    if (random() % 2 == 0) made.add(step_op::multiply, made.width);
    const std::size_t layers = 1 + random() % 4;
    const bool dynamic = random() % 2 == 0;
    for (std::size_t l = 0; l < layers; ++l) {
      step& s = made.add(dynamic ? step_op::dense_dynamic : step_op::dense_static,
                         some_width(random), static_cast<activation>(random() % activation_count));
      s.scale = 0.013F;
      s.zero_point = static_cast<std::int32_t>(random() % 256);
      what += "-" + std::to_string(made.width);
    }
    made.fill(random, 1);
    check<int8_steps>(made, random, what);
  }
}

} // namespace
