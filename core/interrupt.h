#pragma once

#include <exception>

namespace quasar {

/// SIGINT or SIGTERM ended the run between two steps; `main` exits with 128 + signal.
struct Interrupted final : std::exception {
  explicit Interrupted(int number) : signal(number) {}
  const char* what() const noexcept override { return "interrupted by a signal"; }
  int signal;
};

/// Catches SIGINT and SIGTERM from now on; a second signal ends the process at once.
void catch_interrupts();
/// Catches SIGUSR1 too, which Slurm sends before a job's time is over; for commands that can save.
void catch_usr1();

/// The signal that has come, or 0.
int pending_signal();

/// Throws Interrupted if a signal has come; every long loop calls it between steps.
void throw_if_interrupted();

}  // namespace quasar
