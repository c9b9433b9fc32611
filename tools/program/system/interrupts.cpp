#include "system/interrupts.hpp"

#include <array>
#include <csignal>

namespace tinymlp::tools {

namespace {

constexpr std::array asking{SIGINT, SIGTERM, SIGHUP};

volatile std::sig_atomic_t noted = 0;
std::array<struct sigaction, asking.size()> before{};

void put_back() noexcept {
  for (std::size_t i = 0; i < asking.size(); ++i) ::sigaction(asking[i], &before[i], nullptr);
}

extern "C" void note_interrupt(int signal_number) {
  noted = signal_number;
  put_back();
}

} // namespace

interrupts::interrupts() {
  noted = 0;
  struct sigaction noting {}; // without SA_RESTART: a sleep ends at once
  noting.sa_handler = note_interrupt;
  sigemptyset(&noting.sa_mask);
  for (const int each : asking) sigaddset(&noting.sa_mask, each);
  for (std::size_t i = 0; i < asking.size(); ++i) {
    ::sigaction(asking[i], nullptr, &before[i]);
    // One that is ignored (nohup) stays ignored.
    if (before[i].sa_handler != SIG_IGN) ::sigaction(asking[i], &noting, nullptr);
  }
}

interrupts::~interrupts() { put_back(); }

int interrupts::pending() noexcept { return noted; }

} // namespace tinymlp::tools
