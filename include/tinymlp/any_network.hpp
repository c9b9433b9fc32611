// A network whose shape is known only when its file is read, in storage that the caller provides,
// or in its own. The same bits as those of the network that the compiler knows.
#pragma once

#include <tinymlp/error.hpp>
#include <tinymlp/isa.hpp>
#include <tinymlp/kernels/steps_table.hpp>
#include <tinymlp/mlp.hpp>
#include <tinymlp/onnx.hpp>
#include <tinymlp/packing.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <utility>

#include <tinymlp/nonblocking.inl>
namespace tinymlp {

namespace detail {

// How the arrays of a network lie in a block of storage: one behind the other, each at a multiple
// of 64 bytes.
struct storage_plan {
  kernels::extent sizes{};
  std::size_t steps = 0, floats = 0, bytes = 0, sums = 0, total = 0; // in bytes
  constexpr explicit storage_plan(const kernels::extent& from) noexcept : sizes(from) {
    steps = take(from.steps * sizeof(kernels::step));
    floats = take(static_cast<std::size_t>(from.floats) * sizeof(float));
    bytes = take(static_cast<std::size_t>(from.bytes) + 1); // never empty, so that each is an array
    sums = take((from.sums + 1) * sizeof(std::int32_t));
  }
  // Enough to have `total` at a multiple of 64 bytes, wherever storage begins.
  constexpr std::size_t bytes_anywhere() const noexcept { return total + 63; }

private:
  constexpr std::size_t take(std::size_t size) noexcept {
    const std::size_t at = total;
    total += kernels::round_up(size, 64);
    return at;
  }
};

} // namespace detail

// A view of a network in storage: cheap to copy; keep the storage alive. Not made by load_any() or
// the like, it is empty: no inputs, no outputs. All functions are const, noexcept and thread-safe
// and allocate nothing. A NaN or infinity among a row's features makes all its outputs NaN.
class any_network {
public:
  constexpr any_network() noexcept = default;

  // Features in a row, values out of it.
  constexpr std::size_t inputs() const noexcept { return view_.inputs; }
  constexpr std::size_t outputs() const noexcept { return view_.outputs; }
  constexpr onnx::quant_mode mode() const noexcept { return mode_; }
  // Weights and biases of the dense layers.
  constexpr std::size_t parameter_count() const noexcept {
    std::size_t n = 0;
    for (const kernels::step& s : steps())
      if (s.op <= kernels::step_op::dense_static) n += std::size_t{s.inputs + 1} * s.outputs;
    return n;
  }
  // The steps that are computed, constants folded.
  constexpr std::span<const kernels::step> steps() const noexcept {
    return {view_.steps, view_.step_count};
  }

  // Row-major rows [N, inputs()] -> out [N, outputs()]; any N, any alignment, no overlap. Takes
  // stack: for one row twice the widest layer, for many at most 192 KiB, or as much as one row.
  // status::size_mismatch, and nothing written, where the sizes do not match.
  [[nodiscard]] status run(std::span<const float> rows,
                           std::span<float> out) const noexcept TINYMLP_NONBLOCKING {
    return run_on(selected(), rows, out);
  }
  // The same on an instruction set named by the caller; status::isa_unsupported where this CPU, or
  // this build, lacks it.
  [[nodiscard]] status run(std::span<const float> rows, std::span<float> out,
                           isa which) const noexcept TINYMLP_NONBLOCKING {
    if (!supported(which) || !kernels::built().contains(which)) return status::isa_unsupported;
    return run_on(which, rows, out);
  }

  // The packed arrays, as kernels take them.
  constexpr const kernels::steps_view& view() const noexcept { return view_; }

  // Packs a plan into storage that begins at a multiple of 64 bytes and has required_storage().
  static result<any_network> from_plan(const onnx::plan& plan, const detail::storage_plan& places,
                                       std::byte* storage) noexcept {
    any_network to;
    to.mode_ = plan.mode;
    const auto at = [storage](std::size_t place) { return static_cast<void*>(storage + place); };
    auto* const steps = ::new (at(places.steps)) kernels::step[places.sizes.steps];
    const auto float_count = static_cast<std::size_t>(places.sizes.floats); // as fits() has seen
    const auto byte_count = static_cast<std::size_t>(places.sizes.bytes);
    auto* const floats = ::new (at(places.floats)) float[float_count]; // the packer clears
    auto* const bytes = ::new (at(places.bytes)) std::int8_t[byte_count + 1]{};
    auto* const sums = ::new (at(places.sums)) std::int32_t[places.sizes.sums + 1]{};
    to.view_ = {steps,
                places.sizes.steps,
                plan.inputs,
                plan.outputs,
                places.sizes.even,
                places.sizes.odd,
                floats,
                bytes,
                sums};
    detail::packer packer(plan, steps, floats, bytes, sums);
    if (const error e = packer.pack(); onnx::failed(e)) return e;
    return to;
  }

private:
  template <std::size_t Floats>
#if defined(__GNUC__)
  [[gnu::noinline]]
#endif
  status
  run_in(isa which, const float* rows, std::size_t count,
         float* out) const noexcept TINYMLP_NONBLOCKING {
    alignas(64) float scratch[Floats];
    if (mode_ == onnx::quant_mode::fp32)
      run_with(kernels::steps_kernel_of<kernels::any_shape>(which), rows, count, out, scratch,
               Floats);
    else
      run_with(kernels::steps_kernel_of<kernels::int8_steps>(which), rows, count, out, scratch,
               Floats);
    return status::ok;
  }
  void run_with(const kernels::steps_kernel& kernel, const float* rows, std::size_t count,
                float* out, float* scratch, std::size_t room) const noexcept TINYMLP_NONBLOCKING {
    if (count == 1)
      kernel.row(view_, rows, out, scratch);
    else
      kernel.rows(view_, rows, count, out, scratch, room);
  }

  status run_on(isa which, std::span<const float> rows,
                std::span<float> out) const noexcept TINYMLP_NONBLOCKING {
    if (view_.inputs == 0) return status::size_mismatch;
    const bool one = rows.size() == view_.inputs; // the division takes as long as a small layer
    const std::size_t count = one ? 1 : rows.size() / view_.inputs;
    if (rows.size() != count * view_.inputs || out.size() != count * view_.outputs)
      return status::size_mismatch;
    const std::size_t row = kernels::row_scratch(view_);
    const std::size_t need = count == 1 ? row : detail::rows_scratch(row);
    if (need <= 512) return run_in<512>(which, rows.data(), count, out.data());
    if (need <= 2048) return run_in<2048>(which, rows.data(), count, out.data());
    if (need <= 8192) return run_in<8192>(which, rows.data(), count, out.data());
    if (need <= detail::most_scratch)
      return run_in<detail::most_scratch>(which, rows.data(), count, out.data());
    constexpr std::size_t most = 2 * kernels::value_room(onnx::max_width);
    return run_in<most>(which, rows.data(), count, out.data());
  }

  kernels::steps_view view_{};
  onnx::quant_mode mode_ = onnx::quant_mode::fp32;
};

namespace detail {

// Where the arrays of a plan's network lie, or that it is too large.
inline result<storage_plan> plan_storage(const onnx::plan& plan) noexcept {
  const kernels::extent sizes = measure(plan);
  if (!kernels::fits(sizes)) return error{status::dimension_overflow, 0, "model"};
  return storage_plan(sizes);
}
// Reads a model, once, and plans where its network's arrays lie.
inline result<storage_plan> read_plan(onnx::plan& plan, std::span<const char> model,
                                      onnx::external_files external,
                                      std::string_view output) noexcept {
  if (const error e = onnx::parse_into(plan, model, external, output); onnx::failed(e)) return e;
  return plan_storage(plan);
}

// Packs a plan into the first place in `storage` that is aligned to 64 bytes.
inline result<any_network> pack_into(std::span<std::byte> storage, const onnx::plan& plan,
                                     const storage_plan& places) noexcept {
  void* at = storage.data();
  std::size_t room = storage.size();
  if (std::align(64, places.total, at, room) == nullptr)
    return error{status::short_storage, 0, "storage"};
  return any_network::from_plan(plan, places, static_cast<std::byte*>(at));
}

} // namespace detail

// Bytes of storage that load_any() of this model needs, or why it would be refused. `output`: the
// name of the graph output to compute; empty: the first that is an MLP. Takes up to 24 KiB of
// stack; allocates nothing.
inline result<std::size_t> required_storage(std::span<const char> model,
                                            onnx::external_files external = {},
                                            std::string_view output = {}) noexcept {
  onnx::plan plan;
  const result<detail::storage_plan> places = detail::read_plan(plan, model, external, output);
  if (!places) return places.error();
  return places->bytes_anywhere();
}

// The same of other bytes.
inline result<std::size_t> required_storage(std::span<const unsigned char> model,
                                            onnx::external_files external = {},
                                            std::string_view output = {}) noexcept {
  return required_storage(onnx::chars(model), external, output);
}
inline result<std::size_t> required_storage(std::span<const std::byte> model,
                                            onnx::external_files external = {},
                                            std::string_view output = {}) noexcept {
  return required_storage(onnx::chars(model), external, output);
}

// The network of an ONNX file, packed into `storage`, or why not; status::short_storage where that
// is smaller than required_storage(). The network keeps no reference to the model's bytes.
inline result<any_network> load_any(std::span<const char> model, std::span<std::byte> storage,
                                    onnx::external_files external = {},
                                    std::string_view output = {}) noexcept {
  onnx::plan plan;
  const result<detail::storage_plan> places = detail::read_plan(plan, model, external, output);
  if (!places) return places.error();
  return detail::pack_into(storage, plan, *places);
}
inline result<any_network> load_any(std::span<const unsigned char> model,
                                    std::span<std::byte> storage,
                                    onnx::external_files external = {},
                                    std::string_view output = {}) noexcept {
  return load_any(onnx::chars(model), storage, external, output);
}
inline result<any_network> load_any(std::span<const std::byte> model, std::span<std::byte> storage,
                                    onnx::external_files external = {},
                                    std::string_view output = {}) noexcept {
  return load_any(onnx::chars(model), storage, external, output);
}

// A network of any shape in storage of its own, from the heap: the one thing here that allocates,
// in load(). Moves, does not copy.
class owned_network {
public:
  // The network of an ONNX file, or why not; what there was before stays then.
  // status::out_of_memory where the heap has no room.
  [[nodiscard]] error load(std::span<const char> model, onnx::external_files external = {},
                           std::string_view output = {}) noexcept {
    onnx::plan plan;
    if (const error e = onnx::parse_into(plan, model, external, output); onnx::failed(e)) return e;
    return load(plan);
  }
  // That of a model which onnx::parse_into() has read, and whose bytes are at hand still.
  [[nodiscard]] error load(const onnx::plan& plan) noexcept {
    const result<detail::storage_plan> places = detail::plan_storage(plan);
    if (!places) return places.error();
    const std::size_t size = places->bytes_anywhere();
    std::unique_ptr<std::byte[]> storage(new (std::nothrow) std::byte[size]);
    if (storage == nullptr) return {status::out_of_memory, 0, "storage"};
    const result<any_network> net =
        detail::pack_into(std::span(storage.get(), size), plan, *places);
    if (!net) return net.error();
    storage_ = std::move(storage);
    net_ = *net;
    return {};
  }
  [[nodiscard]] error load(std::span<const unsigned char> model, onnx::external_files external = {},
                           std::string_view output = {}) noexcept {
    return load(onnx::chars(model), external, output);
  }
  [[nodiscard]] error load(std::span<const std::byte> model, onnx::external_files external = {},
                           std::string_view output = {}) noexcept {
    return load(onnx::chars(model), external, output);
  }
  const any_network& operator*() const noexcept { return net_; }
  const any_network* operator->() const noexcept { return &net_; }

private:
  std::unique_ptr<std::byte[]> storage_;
  any_network net_;
};

} // namespace tinymlp
#include <tinymlp/nonblocking.inl>
