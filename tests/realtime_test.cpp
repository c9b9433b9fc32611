// The real-time contract: loading and scoring allocate nothing and make no system call.
#include <doctest/doctest.h>

#include <tinymlp/tinymlp.hpp>

#include <array>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <new>
#include <span>

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
  bool ok = true;
  float sum = 0;
  const std::span<const float, 6> row(w.rows.data(), 6);
  for (const isa which : supported()) {
    const result<float> one = net.score(row, which);
    ok &= one.has_value();
    sum += *one;
    ok &= net.score(std::span<const float>(w.rows), w.scores, which) == errc::ok;
  }
  sum += net.score(row);
  ok &= net.score(std::span<const float>(w.rows), w.scores) == errc::ok;
  return ok && sum != 0;
}

bool score_all_networks(work& w) noexcept {
  return score_all_ways(vmaf::small(), w) && score_all_ways(vmaf::medium(), w) &&
         score_all_ways(vmaf::large(), w) && score_all_ways(vmaf::small_int8(), w) &&
         score_all_ways(vmaf::medium_int8(), w) && score_all_ways(vmaf::large_int8(), w);
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
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
    MESSAGE("skipped: no seccomp strict mode here");
    return;
  }
  CHECK_FALSE(WIFSIGNALED(status)); // SIGKILL: a system call was made
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("strict mode does kill at a system call") {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) syscall(SYS_exit, 77);
    syscall(SYS_getpid);
    syscall(SYS_exit, 0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK((WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 77)));
}
#endif
