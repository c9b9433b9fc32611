// Signals that ask a program to end, for work that has something to bring home first.
#pragma once

namespace tinymlp::tools {

// While it lives, the first SIGINT, SIGTERM or SIGHUP is only noted; the next one does what it
// would have done without this. One at a time.
class interrupts {
public:
  interrupts();
  interrupts(const interrupts&) = delete;
  interrupts& operator=(const interrupts&) = delete;
  ~interrupts();

  // The signal that came; 0 for none.
  static int pending() noexcept;
};

} // namespace tinymlp::tools
