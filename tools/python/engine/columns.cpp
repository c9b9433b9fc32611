#include "engine/columns.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <utility>

#include "engine/arrow_abi.hpp"
#include "engine/batch.hpp"
#include "engine/gil.hpp"
#include "engine/rows.hpp"

namespace tinymlp::python {

namespace {

// What a table is refused for; becomes a ValueError or a TypeError.
struct bad_table : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct bad_type : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A structure of the interface, released at the end.
template <class Structure> struct owned : Structure {
  owned() : Structure{} {}
  owned(const owned&) = delete;
  owned& operator=(const owned&) = delete;
  ~owned() {
    if (this->release != nullptr) this->release(this);
  }
};

constexpr std::string_view capsule_name(const ArrowSchema*) { return "arrow_schema"; }
constexpr std::string_view capsule_name(const ArrowArray*) { return "arrow_array"; }
constexpr std::string_view capsule_name(const ArrowArrayStream*) { return "arrow_array_stream"; }

// Moves the structure out of its capsule.
template <class Structure> void take(nb::handle capsule, owned<Structure>& to) {
  const std::string name(capsule_name(static_cast<const Structure*>(nullptr)));
  auto* const from = static_cast<Structure*>(PyCapsule_GetPointer(capsule.ptr(), name.c_str()));
  if (from == nullptr) throw nb::python_error();
  if (from->release == nullptr) throw bad_table("the " + name + " has been released already");
  static_cast<Structure&>(to) = *from;
  from->release = nullptr;
}

template <class Structure> nb::object capsule_of(Structure* made) {
  static const std::string name(capsule_name(static_cast<const Structure*>(nullptr)));
  const auto release = [](PyObject* capsule) {
    auto* const held = static_cast<Structure*>(PyCapsule_GetPointer(capsule, name.c_str()));
    if (held->release != nullptr) held->release(held);
    delete held;
  };
  PyObject* const capsule = PyCapsule_New(made, name.c_str(), release);
  if (capsule == nullptr) throw nb::python_error();
  return nb::steal(capsule);
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// Values of a column that are read one by one.
bool is_valid(const std::uint8_t* bits, std::int64_t at) noexcept {
  return bits == nullptr || (bits[at / 8] >> (at % 8) & 1) != 0;
}

struct column {
  const void* data = nullptr;
  const std::uint8_t* valid = nullptr; // null: all are
  std::int64_t first = 0;              // of the values, and of the bits
};

// Copies values [begin, end) of a column to every `step`th float.
using reader = void (*)(const column&, std::int64_t begin, std::int64_t end, float* to,
                        std::size_t step);

template <class Value>
void read_values(const column& from, std::int64_t begin, std::int64_t end, float* to,
                 std::size_t step) {
  const Value* const values = static_cast<const Value*>(from.data) + from.first;
  for (std::int64_t i = begin; i < end; ++i, to += step) *to = static_cast<float>(values[i]);
}
void read_nothing(const column&, std::int64_t begin, std::int64_t end, float* to,
                  std::size_t step) {
  for (std::int64_t i = begin; i < end; ++i, to += step)
    *to = std::numeric_limits<float>::quiet_NaN();
}

reader reader_of(std::string_view format) {
  if (format.size() != 1) return nullptr;
  switch (format[0]) {
  case 'f': return &read_values<float>;
  case 'g': return &read_values<double>;
  case 'c': return &read_values<std::int8_t>;
  case 'C': return &read_values<std::uint8_t>;
  case 's': return &read_values<std::int16_t>;
  case 'S': return &read_values<std::uint16_t>;
  case 'i': return &read_values<std::int32_t>;
  case 'I': return &read_values<std::uint32_t>;
  case 'l': return &read_values<std::int64_t>;
  case 'L': return &read_values<std::uint64_t>;
  case 'n': return &read_nothing;
  default: return nullptr;
  }
}

// Which children of a record batch are the features.
struct layout {
  std::vector<std::size_t> places;
  std::vector<reader> readers;
  std::vector<std::string> names;
  std::int64_t children = 0;
};

layout find_columns(const ArrowSchema& schema, const std::vector<std::string>& names) {
  if (schema.format == nullptr || std::string_view(schema.format) != "+s")
    throw bad_type("not a table: what is scored has columns (a record batch, a struct array)");
  std::vector<std::string> there, missing;
  for (std::int64_t i = 0; i < schema.n_children; ++i)
    there.emplace_back(schema.children[i]->name == nullptr ? "" : schema.children[i]->name);
  layout to;
  to.names = names;
  to.children = schema.n_children;
  for (const std::string& name : names) {
    const auto found = std::find(there.begin(), there.end(), name);
    if (found == there.end()) {
      missing.push_back(name);
      continue;
    }
    if (std::find(found + 1, there.end(), name) != there.end())
      throw bad_table("the column " + name + " is there twice");
    const auto place = static_cast<std::size_t>(found - there.begin());
    const ArrowSchema& child = *schema.children[place];
    const reader read =
        child.dictionary == nullptr && child.format != nullptr ? reader_of(child.format) : nullptr;
    if (read == nullptr)
      throw bad_type("the column " + name + " is of Arrow's type '" +
                     (child.format == nullptr ? "" : child.format) +
                     (child.dictionary == nullptr ? "'" : "' in a dictionary") +
                     "; features are float32, float64 or integers");
    to.places.push_back(place);
    to.readers.push_back(read);
  }
  if (!missing.empty())
    throw bad_table("no column " + joined(missing) + "; the table has " + joined(there));
  return to;
}

const std::uint8_t* valid_bits(const ArrowArray& array) {
  return array.null_count == 0 || array.n_buffers == 0
             ? nullptr
             : static_cast<const std::uint8_t*>(array.buffers[0]);
}

struct batch {
  std::int64_t rows = 0;
  std::vector<column> columns;
  column whole; // the validity of whole rows
};

batch open_batch(const ArrowArray& array, const layout& at) {
  if (array.n_children != at.children || array.length < 0 || array.offset < 0)
    throw bad_table("a record batch does not have the shape that its schema says");
  batch to;
  to.rows = array.length;
  to.whole = {nullptr, valid_bits(array), array.offset};
  for (std::size_t c = 0; c < at.places.size(); ++c) {
    const ArrowArray& child = *array.children[at.places[c]];
    const bool is_null_type = at.readers[c] == &read_nothing;
    if (child.length < 0 || child.offset < 0 || child.length - array.offset < array.length ||
        (!is_null_type &&
         (child.n_buffers != 2 || (child.buffers[1] == nullptr && array.length > 0))))
      throw bad_table("the column " + at.names[c] + " is shorter than its record batch");
    to.columns.push_back({is_null_type ? nullptr : child.buffers[1],
                          is_null_type ? nullptr : valid_bits(child), child.offset + array.offset});
  }
  return to;
}

void blank_nulls(const column& from, std::int64_t begin, std::int64_t end, float* to,
                 std::size_t step, std::size_t width) {
  if (from.valid == nullptr) return;
  for (std::int64_t i = begin; i < end; ++i, to += step)
    if (!is_valid(from.valid, from.first + i))
      for (std::size_t v = 0; v < width; ++v) to[v] = std::numeric_limits<float>::quiet_NaN();
}

// Rows [first, last) of a batch.
void score_rows(const network& net, const batch& from, const layout& at, std::size_t first,
                std::size_t last, float* out) {
  const std::size_t width = net.inputs(), outputs = net.outputs();
  const std::size_t block = block_rows(width + outputs);
  std::vector<float> rows(block * width);
  for (std::size_t begin = first; begin < last; begin += block) {
    const std::size_t count = std::min(last - begin, block);
    const auto top = static_cast<std::int64_t>(begin);
    const auto bottom = static_cast<std::int64_t>(begin + count);
    for (std::size_t c = 0; c < width; ++c) {
      at.readers[c](from.columns[c], top, bottom, rows.data() + c, width);
      blank_nulls(from.columns[c], top, bottom, rows.data() + c, width, 1);
    }
    blank_nulls(from.whole, top, bottom, rows.data(), width, width);
    net.run({rows.data(), count * width}, {out, count * outputs});
    out += count * outputs;
  }
}

std::size_t rows_of(std::span<const batch> batches) {
  std::size_t rows = 0;
  for (const batch& each : batches) rows += static_cast<std::size_t>(each.rows);
  return rows;
}

// The threads share the rows of all batches together: engines hand tables on in batches that are
// each too small to be worth a thread.
void score_batches(const network& net, std::span<const batch> batches, const layout& at,
                   std::size_t threads, float* out) {
  for_pieces(rows_of(batches), threads, [&](std::size_t begin, std::size_t end) {
    std::size_t before = 0;
    for (const batch& each : batches) {
      const std::size_t after = before + static_cast<std::size_t>(each.rows);
      const std::size_t first = std::max(begin, before), last = std::min(end, after);
      if (first < last)
        score_rows(net, each, at, first - before, last - before, out + first * net.outputs());
      before = after;
    }
  });
}

// Scores of one record batch after the other.
class growing_scores {
public:
  explicit growing_scores(std::size_t outputs) : outputs_(outputs) {}
  growing_scores(const growing_scores&) = delete;
  growing_scores& operator=(const growing_scores&) = delete;
  ~growing_scores() { std::free(values_); }

  float* add(std::size_t rows) {
    constexpr std::size_t most = std::numeric_limits<std::ptrdiff_t>::max() / sizeof(float);
    if (rows > most / outputs_ - rows_) throw std::bad_alloc();
    const std::size_t needed = (rows_ + rows) * outputs_;
    if (needed > room_) {
      const std::size_t room = rows_ == 0 ? needed : std::max(needed, room_ + room_ / 2);
      auto* const grown = static_cast<float*>(std::realloc(values_, room * sizeof(float)));
      if (grown == nullptr) throw std::bad_alloc();
      values_ = grown;
      room_ = room;
    }
    float* const to = values_ + rows_ * outputs_;
    rows_ += rows;
    return to;
  }
  std::size_t rows() const noexcept { return rows_; }
  std::shared_ptr<float> release() {
    if (values_ == nullptr) values_ = static_cast<float*>(std::malloc(sizeof(float)));
    if (values_ == nullptr) throw std::bad_alloc(); // no rows, and yet an address
    return {std::exchange(values_, nullptr), [](float* held) { std::free(held); }};
  }

private:
  std::size_t outputs_, rows_ = 0, room_ = 0;
  float* values_ = nullptr;
};

// A producer's own words, where it has some.
std::string producer_error(ArrowArrayStream& stream, int code) {
  const char* const text =
      stream.get_last_error == nullptr ? nullptr : stream.get_last_error(&stream);
  return "the table could not be read: " +
         std::string(text == nullptr ? std::strerror(code) : text);
}

void score_stream(const network& net, ArrowArrayStream& stream,
                  const std::vector<std::string>& names, std::size_t threads, growing_scores& to) {
  owned<ArrowSchema> schema;
  if (const int code = stream.get_schema(&stream, &schema); code != 0)
    throw bad_table(producer_error(stream, code));
  const layout at = find_columns(schema, names);
  // Batches wait until they are worth all threads: some megabytes.
  const std::size_t enough = threads == 1 ? 1 : threads * threaded_rows;
  std::vector<std::unique_ptr<owned<ArrowArray>>> arrays;
  std::vector<batch> waiting;
  std::size_t rows = 0;
  for (bool is_end = false; !is_end;) {
    auto array = std::make_unique<owned<ArrowArray>>();
    if (const int code = stream.get_next(&stream, array.get()); code != 0)
      throw bad_table(producer_error(stream, code));
    is_end = array->release == nullptr;
    if (!is_end) {
      waiting.push_back(open_batch(*array, at));
      rows += static_cast<std::size_t>(array->length);
      arrays.push_back(std::move(array));
    }
    if (is_end || rows >= enough) {
      score_batches(net, waiting, at, threads, to.add(rows));
      rows = 0;
      waiting.clear();
      arrays.clear();
    }
  }
}

} // namespace

// The producer may run Python, or wait for threads that do: it takes the GIL by itself.
scores_column score_columns(const network& net, nb::handle stream, nb::handle array,
                            const std::vector<std::string>& names, std::size_t threads) {
  if (names.size() != net.inputs())
    throw nb::value_error(("the network takes " + std::to_string(net.inputs()) + " features, and " +
                           std::to_string(names.size()) + " columns are named")
                              .c_str());
  growing_scores to(net.outputs());
  try {
    if (array.is_none()) {
      owned<ArrowArrayStream> from;
      take(stream, from);
      const without_gil released;
      score_stream(net, from, names, threads, to);
    } else {
      owned<ArrowSchema> schema;
      owned<ArrowArray> one;
      take(stream, schema);
      take(array, one);
      const layout at = find_columns(schema, names);
      const batch from = open_batch(one, at);
      const without_gil released;
      score_batches(net, std::span(&from, 1), at, threads,
                    to.add(static_cast<std::size_t>(from.rows)));
    }
  } catch (const bad_table& why) {
    throw nb::value_error(why.what());
  } catch (const bad_type& why) {
    throw nb::type_error(why.what());
  }
  const std::size_t rows = to.rows();
  return {to.release(), rows, net.outputs(), net.is_scalar()};
}

namespace {

// What an exported structure keeps alive.
struct exported_array {
  std::shared_ptr<float> values;
  const void* buffers[2] = {nullptr, nullptr};
  ArrowArray child{};
  ArrowArray* children[1] = {nullptr};
};
struct exported_schema {
  std::string format;
  ArrowSchema child{};
  ArrowSchema* children[1] = {nullptr};
};

void release_child_array(ArrowArray* array) { array->release = nullptr; }
void release_array(ArrowArray* array) {
  auto* const held = static_cast<exported_array*>(array->private_data);
  if (held->children[0] != nullptr && held->child.release != nullptr)
    held->child.release(&held->child);
  delete held;
  array->release = nullptr;
}
void release_child_schema(ArrowSchema* schema) { schema->release = nullptr; }
void release_schema(ArrowSchema* schema) {
  auto* const held = static_cast<exported_schema*>(schema->private_data);
  if (held->children[0] != nullptr && held->child.release != nullptr)
    held->child.release(&held->child);
  delete held;
  schema->release = nullptr;
}

struct shape {
  std::size_t rows, outputs;
  bool is_scalar;
};

void export_schema(const shape& of, ArrowSchema& to) {
  auto* const held = new exported_schema;
  held->format = of.is_scalar ? "f" : "+w:" + std::to_string(of.outputs);
  to = {};
  to.format = held->format.c_str();
  to.name = "score";
  to.flags = 2; // may be null, as far as readers ask
  to.release = &release_schema;
  to.private_data = held;
  if (of.is_scalar) return;
  held->child.format = "f";
  held->child.name = "item";
  held->child.flags = 2;
  held->child.release = &release_child_schema;
  held->children[0] = &held->child;
  to.n_children = 1;
  to.children = held->children;
}

void export_array(const shape& of, const std::shared_ptr<float>& values, ArrowArray& to) {
  auto* const held = new exported_array;
  held->values = values;
  held->buffers[1] = values.get();
  to = {};
  to.length = static_cast<std::int64_t>(of.rows);
  to.buffers = held->buffers;
  to.release = &release_array;
  to.private_data = held;
  to.n_buffers = 2;
  if (of.is_scalar) return;
  held->child.length = static_cast<std::int64_t>(of.rows * of.outputs);
  held->child.n_buffers = 2;
  held->child.buffers = held->buffers;
  held->child.release = &release_child_array;
  held->children[0] = &held->child;
  to.n_buffers = 1;
  to.n_children = 1;
  to.children = held->children;
}

// A stream of one array.
struct exported_stream {
  shape of;
  std::shared_ptr<float> values;
  bool is_done = false;
};
template <class Make> int guarded(const Make& make) {
  try {
    make();
    return 0;
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  }
}

} // namespace

nb::object scores_column::to_numpy() const {
  auto* const held = new std::shared_ptr<float>(values_);
  nb::capsule owner(
      held, [](void* pointer) noexcept { delete static_cast<std::shared_ptr<float>*>(pointer); });
  return array_over(values_.get(), rows_, is_scalar_ ? 0 : outputs_, owner);
}

nb::object scores_column::arrow_schema() const {
  auto made = std::make_unique<ArrowSchema>();
  export_schema({rows_, outputs_, is_scalar_}, *made);
  return capsule_of(made.release());
}

nb::tuple scores_column::arrow_array() const {
  auto made = std::make_unique<ArrowArray>();
  export_array({rows_, outputs_, is_scalar_}, values_, *made);
  return nb::make_tuple(arrow_schema(), capsule_of(made.release()));
}

nb::object scores_column::arrow_stream() const {
  auto made = std::make_unique<ArrowArrayStream>();
  made->private_data = new exported_stream{{rows_, outputs_, is_scalar_}, values_};
  made->get_schema = [](ArrowArrayStream* from, ArrowSchema* to) {
    const auto* const held = static_cast<exported_stream*>(from->private_data);
    return guarded([&] { export_schema(held->of, *to); });
  };
  made->get_next = [](ArrowArrayStream* from, ArrowArray* to) {
    auto* const held = static_cast<exported_stream*>(from->private_data);
    *to = {};
    if (std::exchange(held->is_done, true)) return 0;
    return guarded([&] { export_array(held->of, held->values, *to); });
  };
  made->get_last_error = [](ArrowArrayStream*) -> const char* { return nullptr; };
  made->release = [](ArrowArrayStream* from) {
    delete static_cast<exported_stream*>(from->private_data);
    from->release = nullptr;
  };
  return capsule_of(made.release());
}

} // namespace tinymlp::python
