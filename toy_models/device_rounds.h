#pragma once

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

}  // namespace quasar
