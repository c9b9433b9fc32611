#include "onnx/onnx_rewrite.hpp"

#include <limits>

#include "system/failure.hpp"
#include "onnx/protobuf_writer.hpp"

namespace tinymlp::tools {

namespace {

// TensorProto
constexpr std::uint32_t tensor_raw_data = 9, tensor_external_data = 13, tensor_data_location = 14;
// AttributeProto
constexpr std::uint32_t attribute_tensor = 5;

// Copies messages field by field, and descends where a tensor may be.
class inliner {
public:
  explicit inliner(const onnx_file& file) : file_(file) {}

  std::string model() const {
    return copy({file_.bytes.data(), file_.bytes.size(), 0}, [this](const onnx::field& f) {
      return f.number == onnx::detail::model_graph ? graph(f.payload) : std::string(bytes_of(f));
    });
  }

private:
  static std::string_view bytes_of(const onnx::field& f) { return f.payload.text(); }

  // The message, with what `change` makes of each length-delimited field.
  template <class Change> static std::string copy(onnx::view message, Change&& change) {
    protobuf_message to;
    onnx::field f;
    for (onnx::cursor c(message); c.next(f) == status::ok;)
      if (f.type == onnx::wire::length_delimited)
        to.add_bytes(f.number, change(f));
      else
        to.add_number(f.number, static_cast<unsigned>(f.type), f.value);
    return to.bytes();
  }

  std::string graph(onnx::view message) const {
    return copy(message, [this](const onnx::field& f) {
      if (f.number == onnx::detail::graph_initializer) return tensor(f.payload);
      if (f.number == onnx::detail::graph_node) return node(f.payload);
      return std::string(bytes_of(f));
    });
  }
  std::string node(onnx::view message) const {
    return copy(message, [this](const onnx::field& f) {
      return f.number == onnx::detail::node_attribute ? attribute(f.payload)
                                                      : std::string(bytes_of(f));
    });
  }
  std::string attribute(onnx::view message) const {
    return copy(message, [this](const onnx::field& f) {
      return f.number == attribute_tensor ? tensor(f.payload) : std::string(bytes_of(f));
    });
  }

  std::string tensor(onnx::view message) const {
    onnx::tensor from;
    const error why = onnx::parse_tensor(message, file_.external_files, from);
    if (onnx::failed(why) || !from.is_external) return std::string(message.text());
    protobuf_message to;
    onnx::field f;
    for (onnx::cursor c(message); c.next(f) == status::ok;) {
      if (f.number == tensor_external_data || f.number == tensor_data_location) continue;
      if (f.type == onnx::wire::length_delimited)
        to.add_bytes(f.number, bytes_of(f));
      else
        to.add_number(f.number, static_cast<unsigned>(f.type), f.value);
    }
    to.add_bytes(tensor_raw_data, from.raw.text());
    return to.bytes();
  }

  const onnx_file& file_;
};

} // namespace

std::string inline_external_data(const onnx_file& file) {
  if (file.external.empty()) return {file.bytes.data(), file.bytes.size()};
  std::string bytes = inliner(file).model();
  if (bytes.size() > std::numeric_limits<std::int32_t>::max())
    fail(
        "{}: with its external data inside it would be larger than the 2 GiB of a protobuf message",
        file.path);
  return bytes;
}

} // namespace tinymlp::tools
