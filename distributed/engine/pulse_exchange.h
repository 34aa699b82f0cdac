#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "distributed/engine/liveness.h"
#include "distributed/engine/rendezvous.h"

namespace quasar {

/// Carries this process's pulse and failures to the other processes and theirs here, over a store connection of its own.
class PulseExchange : public std::enable_shared_from_this<PulseExchange> {
 public:
  PulseExchange(StorePointer store, int rank, std::shared_ptr<Liveness> liveness);
  PulseExchange(const PulseExchange&) = delete;
  PulseExchange& operator=(const PulseExchange&) = delete;

  void start();
  /// Tells the others that this rank's own work failed; returns when they can read it, or after a second.
  void publish(const Failure& failure);
  /// Ends the exchange: this rank will not use the store again. To be called before the last pointer goes.
  void leave();

 private:
  void run();
  void exchange();

  const StorePointer store_;
  const int rank_;
  const std::shared_ptr<Liveness> liveness_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Failure> to_publish_;
  bool published_ = false, stop_ = false, ended_ = false;
  std::thread thread_;
};

}  // namespace quasar
