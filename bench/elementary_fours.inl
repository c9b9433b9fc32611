// The elementary functions over an array, four vectors at a time. Included inside the namespace and
// target region of an instruction set.

template <class V, typename V::reg (*F)(typename V::reg)>
inline void over(const float* x, float* y, std::size_t count) {
  for (std::size_t i = 0; i < count; i += V::lanes) V::store(y + i, F(V::load(x + i)));
}

template <class V, class Four = pair_of<pair_of<V>>>
inline constexpr std::array<void (*)(const float*, float*, std::size_t), 7> fours{
    &over<Four, exp<Four>>,     &over<Four, expm1<Four>>,   &over<Four, log<Four>>,
    &over<Four, tanh<Four>>,    &over<Four, sigmoid<Four>>, &over<Four, erf<Four>>,
    &over<Four, softplus<Four>>};
