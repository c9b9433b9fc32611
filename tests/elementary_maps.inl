// The elementary functions and the activations over an array, for a table of them. Included inside
// the namespace and target region of an instruction set.

template <class V, typename V::reg (*F)(typename V::reg)>
inline void map(float* x, std::size_t count) {
  for (std::size_t i = 0; i < count; i += V::lanes) V::store(x + i, F(V::load(x + i)));
}

template <class V> inline elementary_kernel kernel_of_vectors(isa which, const char* vector) {
  elementary_kernel k{which, vector, {}, &activate<V>, &activate_prelu<V>};
  k.maps = {&map<V, exp<V>>,     &map<V, expm1<V>>, &map<V, log<V>>,     &map<V, tanh<V>>,
            &map<V, sigmoid<V>>, &map<V, erf<V>>,   &map<V, softplus<V>>};
  return k;
}
