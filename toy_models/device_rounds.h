#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "toy_models/cpu_dispatch.h"
#include "toy_models/cuda_devices.h"
#include "toy_models/local_sgd_kernel.h"

namespace quasar {

/// A copy of some rounds on the current device.
template <class Real>
class DeviceRounds {
 public:
  explicit DeviceRounds(const RoundsView<Real>& rounds)
      : rounds_(rounds),
        periods_(copy_to_device(rounds.periods, static_cast<std::size_t>(rounds.num_rounds))),
        learning_rates_(copy_to_device(rounds.learning_rates, static_cast<std::size_t>(steps_of(rounds)))) {}

  RoundsView<Real> view() const {
    return {rounds_.first_step, periods_.get(), rounds_.num_rounds, learning_rates_.get()};
  }

 private:
  static std::int64_t steps_of(const RoundsView<Real>& rounds) {
    std::int64_t steps = 0;
    for (std::int64_t round = 0; round < rounds.num_rounds; ++round) steps += rounds.periods[round];
    return steps;
  }

  RoundsView<Real> rounds_;
  DeviceArray<std::int64_t> periods_;
  DeviceArray<Real> learning_rates_;
};

/// Shares blocks among all usable devices: work(part, first replica of it) with its device current.
template <class Block, class Work>
void share_among_devices(std::vector<Block>& blocks, std::uint32_t first_replica, const Work& work) {
  for_each_device(blocks.size(), [&](std::size_t from, std::size_t end) {
    work(std::span(blocks).subspan(from, end - from), first_replica + static_cast<std::uint32_t>(from * kLanes));
  });
}

}  // namespace quasar
