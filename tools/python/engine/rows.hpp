// NumPy arrays through a network.
#pragma once

#include "engine/network.hpp"

namespace tinymlp::python {

// Imports NumPy; false with a Python exception set where that fails.
bool import_numpy();

// net(x, out=None, threads=1): the slot tp_call.
PyObject* call_network(PyObject* self, PyObject* args, PyObject* kwargs) noexcept;

// A float32 array over memory that `owner` keeps alive: [rows] where `columns` is 0.
nb::object array_over(float* data, std::size_t rows, std::size_t columns, nb::object owner);

} // namespace tinymlp::python
