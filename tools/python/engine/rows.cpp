#include "engine/rows.hpp"

#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#include <numpy/arrayobject.h>

#include "engine/batch.hpp"
#include "engine/gil.hpp"

namespace tinymlp::python {

namespace {

// Work that is worth a switch of threads in Python, in multiply-adds or so.
constexpr std::size_t released_work = 20000;

PyArray_Descr* float32_type = nullptr;

// Rows of values anywhere in memory; steps are in bytes.
struct strided {
  char* data = nullptr;
  std::size_t rows = 0, values = 0;
  std::ptrdiff_t row_step = 0, value_step = 0;

  bool is_packed() const noexcept {
    const auto size = static_cast<std::ptrdiff_t>(sizeof(float));
    const bool values_touch = values <= 1 || value_step == size;
    const bool rows_touch = rows <= 1 || row_step == size * static_cast<std::ptrdiff_t>(values);
    return values_touch && rows_touch &&
           reinterpret_cast<std::uintptr_t>(data) % alignof(float) == 0;
  }
  // The bytes from the first to the last that it touches.
  std::pair<std::uintptr_t, std::uintptr_t> extent() const noexcept {
    auto low = reinterpret_cast<std::uintptr_t>(data), high = low + sizeof(float);
    for (const auto& [count, step] : {std::pair(rows, row_step), std::pair(values, value_step)}) {
      const auto reach = static_cast<std::uintptr_t>(step) * (count > 0 ? count - 1 : 0);
      (step < 0 ? low : high) += reach;
    }
    return {low, high};
  }
  bool overlaps(const strided& other) const noexcept {
    if (rows * values == 0 || other.rows * other.values == 0) return false;
    const auto [low, high] = extent();
    const auto [other_low, other_high] = other.extent();
    return low < other_high && other_low < high;
  }
  char* at(std::size_t row) const noexcept {
    return data + static_cast<std::ptrdiff_t>(row) * row_step;
  }
  void gather(std::size_t begin, std::size_t end, float* to) const noexcept {
    for (std::size_t r = begin; r < end; ++r) {
      const char* from = at(r);
      for (std::size_t v = 0; v < values; ++v, from += value_step)
        std::memcpy(to++, from, sizeof(float));
    }
  }
  void scatter(std::size_t begin, std::size_t end, const float* from) const noexcept {
    for (std::size_t r = begin; r < end; ++r) {
      char* to = at(r);
      for (std::size_t v = 0; v < values; ++v, to += value_step)
        std::memcpy(to, from++, sizeof(float));
    }
  }
};

void score_piece(const network& net, const strided& rows, const strided& out, std::size_t begin,
                 std::size_t end) {
  const bool in_place = rows.is_packed(), out_in_place = out.is_packed();
  const std::size_t block =
      in_place && out_in_place ? end - begin : block_rows(rows.values + out.values);
  std::vector<float> from(in_place ? 0 : block * rows.values);
  std::vector<float> to(out_in_place ? 0 : block * out.values);
  for (std::size_t b = begin; b < end; b += block) {
    const std::size_t e = std::min(end, b + block), count = e - b;
    if (!in_place) rows.gather(b, e, from.data());
    const float* source = in_place ? reinterpret_cast<const float*>(rows.at(b)) : from.data();
    float* target = out_in_place ? reinterpret_cast<float*>(out.at(b)) : to.data();
    net.run({source, count * rows.values}, {target, count * out.values});
    if (!out_in_place) out.scatter(b, e, to.data());
  }
}

bool score(const network& net, const strided& rows, const strided& out, std::size_t threads) {
  if (rows.rows == 0) return true;
  try {
    const without_gil released(rows.rows * (net.parameters() + 1) > released_work);
    for_pieces(rows.rows, threads, [&](std::size_t begin, std::size_t end) {
      score_piece(net, rows, out, begin, end);
    });
    return true;
  } catch (const std::bad_alloc&) {
    // raised below, with the GIL
  }
  PyErr_NoMemory();
  return false;
}

struct arguments {
  PyObject* rows = nullptr;
  PyObject* out = nullptr;
  std::size_t threads = 1;
};

bool read_threads(PyObject* value, std::size_t& to) {
  if (PyIndex_Check(value) == 0) {
    PyErr_Format(PyExc_TypeError, "threads is %R; it is a number from 1 to 1024", value);
    return false;
  }
  // what is larger becomes the largest
  const Py_ssize_t number = PyNumber_AsSsize_t(value, nullptr);
  if (number == -1 && PyErr_Occurred() != nullptr) return false;
  if (number < 1 || number > 1024) {
    PyErr_Format(PyExc_ValueError, "threads is %R; it is a number from 1 to 1024", value);
    return false;
  }
  to = static_cast<std::size_t>(number);
  return true;
}

bool read_keyword(PyObject* key, PyObject* value, arguments& to) {
  if (PyUnicode_CompareWithASCIIString(key, "out") == 0) {
    to.out = value == Py_None ? nullptr : value;
    return true;
  }
  if (PyUnicode_CompareWithASCIIString(key, "threads") == 0) return read_threads(value, to.threads);
  PyErr_Format(PyExc_TypeError, "a network has no argument %R: net(x, out=None, threads=1)", key);
  return false;
}

bool read_arguments(PyObject* args, PyObject* kwargs, arguments& to) {
  if (PyTuple_Size(args) != 1) {
    PyErr_Format(PyExc_TypeError,
                 "a network takes one array of rows, and %zd positional arguments were given: "
                 "net(x, out=None, threads=1)",
                 PyTuple_Size(args));
    return false;
  }
  to.rows = PyTuple_GetItem(args, 0);
  if (kwargs == nullptr) return true;
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(kwargs, &at, &key, &value) != 0;)
    if (!read_keyword(key, value, to)) return false;
  return true;
}

// What an array is taken from, and how to make one of something else.
struct array_argument {
  const char *name, *of_another_type, *of_another_dtype;
};
constexpr array_argument rows_argument{"x", "numpy.asarray(x, numpy.float32)",
                                       "x.astype(numpy.float32)"};
constexpr array_argument out_argument{"out", "numpy.empty(shape, numpy.float32)",
                                      "numpy.empty(shape, numpy.float32)"}; // no copy of it

// The array, or null with an exception that says what it is instead.
PyArrayObject* float32_array(PyObject* from, const array_argument& as) {
  if (!PyArray_Check(from)) {
    PyErr_Format(PyExc_TypeError, "%s is %R, not a NumPy array of float32: %s", as.name,
                 Py_TYPE(from), as.of_another_type);
    return nullptr;
  }
  auto* array = reinterpret_cast<PyArrayObject*>(from);
  if (PyArray_TYPE(array) != NPY_FLOAT32 || !PyArray_ISNOTSWAPPED(array)) {
    PyErr_Format(PyExc_TypeError, "%s is of dtype %R, not float32: %s", as.name,
                 reinterpret_cast<PyObject*>(PyArray_DESCR(array)), as.of_another_dtype);
    return nullptr;
  }
  if (!PyArray_CheckExact(from) && PyObject_HasAttrString(from, "mask") != 0) {
    PyErr_Format(PyExc_TypeError,
                 "%s is a masked array: fill what is masked first, %s.filled(numpy.nan)", as.name,
                 as.name);
    return nullptr;
  }
  return array;
}

PyObject* shape_of(PyArrayObject* array) {
  return PyObject_GetAttrString(reinterpret_cast<PyObject*>(array), "shape");
}

// [rows, values], or without the first where `is_row`, or without the second where `is_scalar`.
strided view_of(PyArrayObject* array, bool is_row, bool is_scalar) {
  strided to;
  const npy_intp *dims = PyArray_DIMS(array), *steps = PyArray_STRIDES(array);
  to.data = PyArray_BYTES(array);
  int axis = 0;
  to.rows = is_row ? 1 : static_cast<std::size_t>(dims[axis]);
  to.row_step = is_row ? 0 : steps[axis++];
  to.values = is_scalar ? 1 : static_cast<std::size_t>(dims[axis]);
  to.value_step = is_scalar ? 0 : steps[axis];
  return to;
}

bool read_rows(const network& net, PyArrayObject* array, strided& to) {
  const int rank = PyArray_NDIM(array);
  if (rank == 1 || rank == 2) {
    to = view_of(array, rank == 1, false);
    if (to.values == net.inputs()) return true;
  }
  if (PyObject* shape = shape_of(array)) {
    PyErr_Format(PyExc_ValueError, "rows have the shape %R; the network takes [N, %zu] or [%zu]",
                 shape, net.inputs(), net.inputs());
    Py_DECREF(shape);
  }
  return false;
}

int result_shape(const network& net, const strided& rows, bool is_row, npy_intp* dims) {
  int rank = 0;
  if (!is_row) dims[rank++] = static_cast<npy_intp>(rows.rows);
  if (!net.is_scalar()) dims[rank++] = static_cast<npy_intp>(net.outputs());
  return rank;
}

bool check_out(PyArrayObject* out, int rank, const npy_intp* dims) {
  if (PyArray_ISWRITEABLE(out) == 0) {
    PyErr_SetString(PyExc_ValueError, "out is read-only: give an array that may be written to");
    return false;
  }
  bool same = PyArray_NDIM(out) == rank;
  for (int i = 0; same && i < rank; ++i) same = PyArray_DIM(out, i) == dims[i];
  if (same) return true;
  PyObject* shape = shape_of(out);
  PyObject* wanted = PyArray_IntTupleFromIntp(rank, dims);
  if (shape != nullptr && wanted != nullptr)
    PyErr_Format(PyExc_ValueError, "out has the shape %R; these rows give %R", shape, wanted);
  Py_XDECREF(shape);
  Py_XDECREF(wanted);
  return false;
}

PyArrayObject* new_array(int rank, const npy_intp* dims) {
  return reinterpret_cast<PyArrayObject*>(PyArray_SimpleNew(rank, dims, NPY_FLOAT32));
}

// Into what the caller gave. Where that shares memory with the rows, by way of an array of its own.
PyObject* score_into(const network& net, const strided& rows, bool is_row, PyObject* given,
                     std::size_t threads) {
  npy_intp dims[2];
  const int rank = result_shape(net, rows, is_row, dims);
  PyArrayObject* const out = float32_array(given, out_argument);
  if (out == nullptr || !check_out(out, rank, dims)) return nullptr;
  const strided target = view_of(out, is_row, net.is_scalar());
  if (rows.overlaps(target)) {
    PyArrayObject* const own = new_array(rank, dims);
    if (own == nullptr) return nullptr;
    const bool done = score(net, rows, view_of(own, is_row, net.is_scalar()), threads) &&
                      PyArray_CopyInto(out, own) == 0;
    Py_DECREF(own);
    if (!done) return nullptr;
  } else if (!score(net, rows, target, threads)) {
    return nullptr;
  }
  Py_INCREF(given);
  return given;
}

PyObject* score_row_to_scalar(const network& net, const strided& rows) {
  float value = 0;
  const strided target{reinterpret_cast<char*>(&value), 1, 1, 0, 0};
  score_piece(net, rows, target, 0, 1);
  return PyArray_Scalar(&value, float32_type, nullptr);
}

PyObject* call(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (!nb::inst_ready(self)) {
    PyErr_SetString(PyExc_RuntimeError, "the network was not made by tinymlp.load()");
    return nullptr;
  }
  const network& net = *nb::inst_ptr<network>(self);
  arguments given;
  if (!read_arguments(args, kwargs, given)) return nullptr;
  PyArrayObject* const array = float32_array(given.rows, rows_argument);
  strided rows;
  if (array == nullptr || !read_rows(net, array, rows)) return nullptr;
  const bool is_row = PyArray_NDIM(array) == 1;
  if (given.out != nullptr) return score_into(net, rows, is_row, given.out, given.threads);
  if (is_row && net.is_scalar()) return score_row_to_scalar(net, rows);
  npy_intp dims[2];
  const int rank = result_shape(net, rows, is_row, dims);
  PyArrayObject* const out = new_array(rank, dims);
  if (out == nullptr) return nullptr;
  if (!score(net, rows, view_of(out, is_row, net.is_scalar()), given.threads)) {
    Py_DECREF(out);
    return nullptr;
  }
  return reinterpret_cast<PyObject*>(out);
}

} // namespace

bool import_numpy() {
  import_array1(false);
  float32_type = PyArray_DescrFromType(NPY_FLOAT32);
  return float32_type != nullptr;
}

PyObject* call_network(PyObject* self, PyObject* args, PyObject* kwargs) noexcept {
  try {
    return call(self, args, kwargs);
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
}

nb::object array_over(float* data, std::size_t rows, std::size_t columns, nb::object owner) {
  npy_intp dims[2] = {static_cast<npy_intp>(rows), static_cast<npy_intp>(columns)};
  PyObject* const array = PyArray_SimpleNewFromData(columns == 0 ? 1 : 2, dims, NPY_FLOAT32, data);
  if (array == nullptr) throw nb::python_error();
  if (PyArray_SetBaseObject(reinterpret_cast<PyArrayObject*>(array), owner.release().ptr()) != 0) {
    Py_DECREF(array);
    throw nb::python_error();
  }
  return nb::steal(array);
}

} // namespace tinymlp::python
