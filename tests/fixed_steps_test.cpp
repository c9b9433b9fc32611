// Networks whose steps are in their type, with random constants: every kernel against the
// reference, bit for bit, one row and batches.
#include "random_steps.hpp"

#include <tinymlp/mlp.hpp>

#include <cstddef>
#include <utility>

namespace {

using namespace random_steps;

template <std::size_t Inputs, class... Layers>
using shape_of = tinymlp::detail::mlp_shape<onnx::quant_mode::fp32, Inputs, Layers...>;

// With constants at random, as often as a shape has.
template <class Shape> void check_shape(generator& random) {
  net made(Shape::inputs);
  std::string what = std::to_string(Shape::inputs);
  for (const step& s : Shape::steps) {
    step& added = made.add(s.op, s.outputs, s.activates);
    if (s.op == step_op::slice) added.at = s.at;
    CHECK(added.at == s.at);
    CHECK(added.slopes == s.slopes);
    what += "-" + std::to_string(s.outputs);
  }
  made.fill(random, 1.5F);
  REQUIRE(made.size.floats == Shape::room.floats);
  REQUIRE(made.size.even == Shape::room.even);
  REQUIRE(made.size.odd == Shape::room.odd);
  check<Shape>(made, random, what);
}

TEST_CASE("dense layers of every kind of width agree with the reference") {
  generator random(11);
  using namespace layers;
  check_shape<shape_of<1, linear<1>>>(random);
  check_shape<shape_of<3, relu<4>>>(random);
  check_shape<shape_of<41, linear<1>>>(random);
  check_shape<shape_of<1, linear<2>, linear<16>, relu<8>, linear<13>, linear<5>>>(random);
  check_shape<shape_of<7, linear<3>, relu<18>, linear<10>, relu<64>, linear<17>, relu<15>>>(random);
  check_shape<shape_of<131, linear<12>, relu<65>, linear<33>, linear<2>>>(random);
}

template <std::size_t First, std::size_t... A>
void check_activations(generator& random, std::index_sequence<A...>) {
  check_shape<shape_of<11, layers::dense<9 + A, static_cast<activation>(First + A)>...,
                       layers::dense<1, static_cast<activation>(First)>>>(random);
}

TEST_CASE("each activation of a layer whose size is known agrees with the reference") {
  generator random(12);
  constexpr std::size_t third = (activation_count + 2) / 3;
  check_activations<0>(random, std::make_index_sequence<third>());
  check_activations<third>(random, std::make_index_sequence<third>());
  check_activations<activation_count - third>(random, std::make_index_sequence<third>());
}

TEST_CASE("each other layer whose size is known agrees with the reference") {
  generator random(13);
  using namespace layers;
  check_shape<shape_of<9, activate<activation::tanh>>>(random);
  check_shape<shape_of<6, centre<>, layers::tanh<16>, layers::tanh<8>, linear<1>>>(random);
  check_shape<shape_of<5, centre<activation::relu>, linear<3>>>(random);
  check_shape<shape_of<13, affine<>, relu<8>, sigmoid<1>, complement>>(random);
  check_shape<shape_of<20, affine<activation::silu>, relu<24>, layer_norm, gelu<9>, softmax>>(
      random);
  check_shape<shape_of<4, layer_norm, linear<30>, slice<3, 11>, affine<>, log_softmax>>(random);
  check_shape<shape_of<150, prelu<10>, layers::multiply<>, slice<1, 9>, sigmoid<1>>>(random);
  check_shape<shape_of<17, linear<17>, softmax, elu<5>, relu<6>, selu<7>, mish<16>>>(random);
}

} // namespace
