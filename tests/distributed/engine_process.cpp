// One rank of the engine's tests; the scenario is the first argument. Started by launch_processes or with variables set by
// hand; ends like `quasar` does: message on stderr, exit code of the error.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <ATen/ATen.h>

#include "core/errors.h"
#include "core/fault_plan.h"
#include "distributed/engine/launch_processes.h"
#include "distributed/engine/workers.h"
#include "tests/distributed/engine_sums.h"

namespace quasar {
namespace {

std::string variable(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

double timeout() { return std::stod(variable("TEST_TIMEOUT", "60")); }

/// Local SGD's calls without its arithmetic: steps with the sites of the fault plan, an average every third.
void train(Worker& worker) {
  at::Tensor tensor = at::ones({20000}, at::kDouble);
  for (std::int64_t step = 1; step <= 30; ++step) {
    worker.beat(step);
    fault_at(FaultSite::before_local_step, worker.rank(), step);
    fault_at(FaultSite::after_local_step, worker.rank(), step);
    if (step % 3 != 0) continue;
    fault_at(FaultSite::before_average, worker.rank(), step);
    worker.average(tensor, Purpose::training, SplitWait::yes);
    fault_at(FaultSite::after_average, worker.rank(), step);
  }
}

void write_sums(Worker& worker) {
  const std::string bytes = engine_sums(worker);
  std::ofstream(variable("TEST_FOLDER", ".") + "/sums-" + std::to_string(worker.rank())) << bytes;
}

/// Rank 1 takes three time-outs for one step, but beats.
void straggle(Worker& worker) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(3 * timeout());
  worker.beat(1);
  while (worker.rank() == 1 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    worker.throw_if_peer_failed();
  }
  at::Tensor tensor = at::ones({10}, at::kDouble);
  worker.average(tensor);
}

volatile std::sig_atomic_t signals_seen = 0;

/// Says on stdout that it is ready, and leaves with 75 when SIGUSR1 has come.
void wait_for_signal(Worker& worker) {
  std::signal(SIGUSR1, [](int) { signals_seen = signals_seen + 1; });
  std::ofstream(variable("TEST_FOLDER", ".") + "/pid-" + std::to_string(worker.rank())) << ::getpid();
  worker.barrier();
  worker.beat(1);  // before a signal can come: all ranks are then at one step in the barrier below
  if (worker.rank() == 0) std::ofstream(variable("TEST_FOLDER", ".") + "/ready") << "ready";
  while (signals_seen == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    worker.beat(1);
  }
  worker.barrier();
  throw Error(ExitCode::restart, "saved; start me again");
}

/// A thread that never comes back among others that wait for it.
void stall_in_threads() {
  run_workers({.count = 3, .timeout_seconds = timeout(), .flight_folder = variable("TEST_FOLDER", "")}, train);
}

int run(const std::vector<std::string>& words) {
  const std::string& scenario = words.at(1);
  if (scenario == "launch") {
    if (const auto code = launch_processes(std::stoi(words.at(2)))) return *code;
    return run({words[0], words.at(3)});
  }
  if (scenario == "threads") {
    stall_in_threads();
    return 0;
  }
  if (scenario == "say") {
    std::printf("rank %s says hello\n", variable("RANK", "?").c_str());
    return std::atoi(variable("TEST_CODE", "0").c_str());
  }
  const std::map<std::string, void (*)(Worker&)> scenarios = {
      {"train", train}, {"sums", write_sums}, {"straggle", straggle}, {"signal", wait_for_signal}};
  WorkerOptions options;
  options.timeout_seconds = timeout();
  options.rendezvous_seconds = std::stod(variable("TEST_RENDEZVOUS", "60"));
  options.check_collectives = variable("TEST_CHECK", "1") == "1";
  options.node_size = scenario == "sums" ? 2 : 0;
  options.flight_folder = variable("TEST_FOLDER", "");
  run_workers(options, launch_environment(), scenarios.at(scenario));
  return 0;
}

}  // namespace
}  // namespace quasar

int main(int argc, char** argv) {
  try {
    return quasar::run(std::vector<std::string>(argv, argv + argc));
  } catch (const quasar::Error& error) {
    std::fprintf(stderr, "quasar: error: %s\n", error.what());
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "quasar: error: %s\n", error.what());
    return 1;
  }
}
