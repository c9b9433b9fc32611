// A C++ exception becomes an error of JavaScript, thrown through the module's frames: nothing in
// here catches any, and an instance that has failed is not used again, so nothing needs to be
// unwound. That keeps the module running where browsers lack, or have yet another form of,
// exceptions.
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <typeinfo>

#include "host.hpp"
#include "onnx/onnx_file.hpp"
#include "system/failure.hpp"

using namespace tinymlp::tools;

namespace {

[[noreturn]] void tell(const char* kind, const std::exception& why, const std::string& more = {}) {
  host_fail(kind, why.what(), std::strlen(why.what()), more.data(), more.size());
}

template <class Type> const Type* as(const std::type_info& type, const void* thrown) {
  return type == typeid(Type) ? static_cast<const Type*>(thrown) : nullptr;
}

} // namespace

extern "C" {

void* __cxa_allocate_exception(std::size_t size) noexcept { return ::operator new(size); }
void __cxa_free_exception(void* thrown) noexcept { ::operator delete(thrown); }

[[noreturn]] void __cxa_throw(void* thrown, std::type_info* type, void (*)(void*)) {
  if (const auto* why = as<refused_model>(*type, thrown)) tell("refused", *why, why->obstacles);
  if (const auto* why = as<failure>(*type, thrown)) tell("failure", *why);
  if (const auto* why = as<told_failure>(*type, thrown)) tell("failure", *why);
  if (const auto* why = as<usage_error>(*type, thrown)) tell("usage", *why);
  if (const auto* why = as<std::bad_alloc>(*type, thrown)) tell("memory", *why);
  const char* name = type->name();
  host_fail("defect", name, std::strlen(name), nullptr, 0);
}
}
