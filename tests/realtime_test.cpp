// The real-time contract: loading and scoring allocate nothing and make no system call, and their
// time does not depend on the data.
#include "static_networks.hpp"

#include <doctest/doctest.h>

#include <tinymlp/tinymlp.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <new>
#include <span>
#include <string>
#include <vector>

#ifdef __linux__
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#define TEST_HAS_OWN_MALLOC 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define TEST_HAS_OWN_MALLOC 0
#endif
#endif
#if !defined(TEST_HAS_OWN_MALLOC)
#if defined(__GLIBC__)
#define TEST_HAS_OWN_MALLOC 1
#else
#define TEST_HAS_OWN_MALLOC 0
#endif
#endif

#if TEST_HAS_OWN_MALLOC
namespace {

std::atomic<long> allocations{0};

} // namespace

// operator new ends here too. The C library's own entry points do the work.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);

void* malloc(std::size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  ++allocations;
  return __libc_calloc(count, size);
}
void* realloc(void* old, std::size_t size) {
  ++allocations;
  return __libc_realloc(old, size);
}
}
#endif

namespace {

using namespace tinymlp;

// 131 rows: whole blocks and a tail on every instruction set; some of them not finite.
struct work {
  static constexpr std::size_t count = 131;
  std::array<float, 6 * count> rows{};
  std::array<float, count> scores{};

  work() {
    for (std::size_t i = 0; i < rows.size(); ++i)
      rows[i] = static_cast<float>(i * 37 % 101) / 100.0F;
    rows[70] = std::numeric_limits<float>::quiet_NaN();
    rows[80] = std::numeric_limits<float>::infinity();
    rows[90] = 1e-40F;
  }
};

// Every way to score, on every instruction set; false if one of them fails.
template <class Net> bool score_all_ways(const Net& net, work& w) noexcept {
  warm_up(net);
  bool ok = true;
  float sum = 0;
  const std::span<const float, 6> row(w.rows.data(), 6);
  for (const isa which : supported()) {
    const result<float> one = net.score(row, which);
    ok &= one.has_value();
    sum += *one;
    ok &= net.score(std::span<const float>(w.rows), w.scores, which) == status::ok;
  }
  sum += net.score(row);
  ok &= net.score(std::span<const float>(w.rows), w.scores) == status::ok;
  return ok && sum != 0;
}

bool score_all_networks(work& w) noexcept {
  return score_all_ways(vmaf::small(), w) && score_all_ways(vmaf::medium(), w) &&
         score_all_ways(vmaf::large(), w) && score_all_ways(vmaf::small_int8(), w) &&
         score_all_ways(vmaf::medium_int8(), w) && score_all_ways(vmaf::large_int8(), w) &&
         score_all_ways(static_networks::small, w) && score_all_ways(static_networks::medium, w) &&
         score_all_ways(static_networks::large, w);
}

bool load_at_run_time() noexcept {
  const std::span<const char> model(models::mlp_large_onnx, sizeof models::mlp_large_onnx - 1);
  return load<mlp_large>(model).has_value() && !load<mlp_small>(model).has_value() &&
         !load<mlp_large>(model.first(1000)).has_value();
}

} // namespace

TEST_CASE("loading and scoring allocate nothing") {
#if TEST_HAS_OWN_MALLOC
  const long before_any = allocations;
  void* volatile kept = ::operator new(1000); // volatile: Clang leaves out what nobody sees
  ::operator delete(kept);
  REQUIRE(allocations > before_any); // the counter counts
  work w;
  const long before = allocations;
  const bool loaded = load_at_run_time();
  const bool scored = score_all_networks(w);
  const long after = allocations;
  CHECK(loaded);
  CHECK(scored);
  CHECK(after == before);
#else
  MESSAGE("skipped: this build brings its own malloc");
#endif
}

TEST_CASE("a network of any shape takes one allocation in its own storage, a refused file none") {
#if TEST_HAS_OWN_MALLOC
  const std::span<const char> model(models::mlp_large_onnx, sizeof models::mlp_large_onnx - 1);
  owned_network net;
  std::array<long, 3> at{allocations};
  const status refused = net.load(model.first(1000)).code;
  at[1] = allocations;
  const status read = net.load(model).code;
  at[2] = allocations;
  CHECK(refused != status::ok);
  CHECK(read == status::ok);
  CHECK(at[1] == at[0]);
  CHECK(at[2] == at[1] + 1);
  const result<std::size_t> size = required_storage(model);
  REQUIRE(size.has_value());
  CHECK(*size < 2 * model.size());
#else
  MESSAGE("skipped: this build brings its own malloc");
#endif
}

namespace {

// Rows of one kind of feature.
struct kind_of_rows {
  const char* name;
  float low, high; // from one to the other
};
constexpr std::array<kind_of_rows, 6> kinds{{{"ordinary", 0.1F, 1.0F},
                                             {"denormal", 1e-45F, 1e-38F},
                                             {"tiny", 1e-37F, 1e-30F},
                                             {"saturated", 1e3F, 1e6F},
                                             {"huge", 1e30F, 3e38F},
                                             {"not finite", INFINITY, INFINITY}}};

std::vector<float> rows_of(const kind_of_rows& kind, std::size_t count) {
  std::vector<float> rows(6 * count);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const float part = static_cast<float>(i * 37 % 101) / 100.0F;
    rows[i] = kind.high == INFINITY ? kind.high : kind.low + part * (kind.high - kind.low);
  }
  return rows;
}

// Median nanoseconds a frame of each kind, kinds in turn. Frames depend on each other.
template <class Net> std::array<double, kinds.size()> time_kinds(const Net& net, isa which) {
  constexpr std::size_t frames = 64, repetitions = 101;
  std::array<std::vector<double>, kinds.size()> samples;
  std::array<std::vector<float>, kinds.size()> rows;
  for (std::size_t k = 0; k < kinds.size(); ++k) rows[k] = rows_of(kinds[k], frames);
  volatile std::uint32_t zero = 0;
  for (std::size_t repetition = 0; repetition < repetitions; ++repetition)
    for (std::size_t k = 0; k < kinds.size(); ++k) {
      const auto start = std::chrono::steady_clock::now();
      std::size_t nothing = zero;
      for (std::size_t f = 0; f < frames; ++f) {
        const std::span<const float, 6> row(rows[k].data() + 6 * f + nothing, 6);
        nothing = std::bit_cast<std::uint32_t>(*net.score(row, which)) & zero;
      }
      const std::chrono::duration<double, std::nano> taken =
          std::chrono::steady_clock::now() - start;
      samples[k].push_back(taken.count() / frames);
    }
  std::array<double, kinds.size()> medians{};
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    std::nth_element(samples[k].begin(), samples[k].begin() + repetitions / 2, samples[k].end());
    medians[k] = samples[k][repetitions / 2];
  }
  return medians;
}

template <class Net> void report_kinds(const char* name_of_net, const Net& net) {
  for (const isa which : supported()) {
    const auto medians = time_kinds(net, which);
    std::string line;
    for (std::size_t k = 1; k < kinds.size(); ++k) {
      char text[48];
      std::snprintf(text, sizeof text, "  %s %.2fx", kinds[k].name, medians[k] / medians[0]);
      line += text;
    }
    std::printf("%-16s %-12s%s\n", name_of_net, std::string(name(which)).c_str(), line.c_str());

    for (const kind_of_rows& kind : kinds) { // what was timed is right
      const std::vector<float> rows = rows_of(kind, 8);
      for (std::size_t f = 0; f < 8; ++f) {
        const std::span<const float, 6> row(rows.data() + 6 * f, 6);
        CHECK(std::bit_cast<std::uint32_t>(*net.score(row, which)) ==
              std::bit_cast<std::uint32_t>(*net.score(row, isa::reference)));
      }
    }
  }
}

} // namespace

// Ratios to ordinary frames are reported; that depends on the machine, and none is asserted.
TEST_CASE("what features hold does not change how long a frame takes") {
  std::printf("time of a frame over that of an ordinary one:\n");
  report_kinds("mlp_small", vmaf::small());
  report_kinds("mlp_large", vmaf::large());
  report_kinds("mlp_small.int8", vmaf::small_int8());
  report_kinds("mlp_large.int8", vmaf::large_int8());
}

#ifdef __linux__
TEST_CASE("loading and scoring make no system call") {
  // In strict mode the kernel kills the process at any system call but read, write and exit.
  static work w;
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) syscall(SYS_exit, 77);
    const bool ok = load_at_run_time() && score_all_networks(w);
    syscall(SYS_exit, ok ? 0 : 1);
  }
  int ended = 0;
  REQUIRE(waitpid(child, &ended, 0) == child);
  if (WIFEXITED(ended) && WEXITSTATUS(ended) == 77) {
    MESSAGE("skipped: no seccomp strict mode here");
    return;
  }
  CHECK_FALSE(WIFSIGNALED(ended)); // SIGKILL: a system call was made
  CHECK(WEXITSTATUS(ended) == 0);
}

TEST_CASE("strict mode does kill at a system call") {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) syscall(SYS_exit, 77);
    syscall(SYS_getpid);
    syscall(SYS_exit, 0);
  }
  int ended = 0;
  REQUIRE(waitpid(child, &ended, 0) == child);
  CHECK((WIFSIGNALED(ended) || (WIFEXITED(ended) && WEXITSTATUS(ended) == 77)));
}
#endif
