// The shipped networks in int8 with fixed activation scales: those of the ranges that the layers'
// inputs take over the training rows, rounded outward.
#pragma once

#include <tinymlp/tinymlp.hpp>

namespace static_networks {

inline constexpr tinymlp::activation_range features{-3.2F, 4.1F};
inline constexpr tinymlp::mlp_small_static_int8::ranges small_ranges{
    {features, {0, 2.6F}, {0, 18.5F}}};
inline constexpr tinymlp::mlp_medium_static_int8::ranges medium_ranges{
    {features, {0, 1.8F}, {0, 14.7F}}};
inline constexpr tinymlp::mlp_large_static_int8::ranges large_ranges{
    {features, {0, 1.0F}, {0, 5.0F}, {0, 8.3F}}};

inline constexpr auto small = *tinymlp::quantize(tinymlp::vmaf::small(), small_ranges);
inline constexpr auto medium =
    *tinymlp::quantize(tinymlp::vmaf::medium(), medium_ranges, tinymlp::granularity::per_channel);
inline constexpr auto large = *tinymlp::quantize(tinymlp::vmaf::large(), large_ranges);

} // namespace static_networks
