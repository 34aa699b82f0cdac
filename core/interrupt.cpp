#include "core/interrupt.h"

#include <csignal>

namespace quasar {
namespace {

volatile std::sig_atomic_t last_signal = 0;

extern "C" void remember_signal(int signal) {
  last_signal = signal;
  std::signal(signal, SIG_DFL);
}

}  // namespace

void catch_interrupts() {
  std::signal(SIGINT, remember_signal);
  std::signal(SIGTERM, remember_signal);
}

void catch_usr1() { std::signal(SIGUSR1, remember_signal); }

int pending_signal() { return last_signal; }

void throw_if_interrupted() {
  if (last_signal != 0) throw Interrupted(last_signal);
}

}  // namespace quasar
