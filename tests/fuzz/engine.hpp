// A network known at run time, behind functions that are compiled once for all targets: the kernels
// of every instruction set under sanitizers take the compiler a minute.
#pragma once

#include <tinymlp/error.hpp>
#include <tinymlp/isa.hpp>

#include <cstddef>
#include <memory>
#include <span>

namespace fuzz {

class engine {
public:
  engine();
  ~engine();
  tinymlp::error load(std::span<const char> file);
  std::size_t inputs() const;
  std::size_t outputs() const;
  tinymlp::status run(std::span<const float> rows, std::span<float> to,
                      tinymlp::isa which = tinymlp::selected()) const;

private:
  struct network;
  std::unique_ptr<network> network_;
};

} // namespace fuzz
