#include "core/interrupt.h"

#include <csignal>

namespace quasar {
namespace {

volatile std::sig_atomic_t pending_signal = 0;

extern "C" void remember_signal(int signal) {
  pending_signal = signal;
  std::signal(signal, SIG_DFL);
}

}  // namespace

void catch_interrupts() {
  std::signal(SIGINT, remember_signal);
  std::signal(SIGTERM, remember_signal);
}

void throw_if_interrupted() {
  if (pending_signal != 0) throw Interrupted(pending_signal);
}

}  // namespace quasar
