#include <tinymlp.hpp>

#include <cstdio>

int main() {
  const tinymlp::vmaf::features frame{0.956559F, 0.402946F, 0.8345F, 0.915718F, 0.95124F, 0.0F};
  std::printf("%.9g\n", static_cast<double>(tinymlp::vmaf::small().score(frame)));
}
