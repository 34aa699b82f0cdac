#pragma once

#include <cstdint>
#include <vector>

namespace quasar {

/// The draws of label-noise SGD with replacement, for all replicas of one worker at one step.
///
/// Sample j of (seed, replica, step, worker) is word j of the draw `sample_choice`; the sign of its output c is bit
/// j o + c of the draw `label_noise`. So the noise of a replica depends neither on how many run beside it, nor on K.
class LabelNoiseDraws {
 public:
  LabelNoiseDraws(std::uint64_t seed, int first_replica, int replicas, int batch, int outputs, int samples);

  void draw(std::int64_t step, int worker);

  const std::vector<std::int64_t>& samples() const { return samples_; }  ///< (R, b): index of the sample
  const std::vector<double>& signs() const { return signs_; }            ///< (R, b, o): +1 or -1

 private:
  std::uint64_t seed_;
  int first_replica_, replicas_, batch_, outputs_, count_;
  std::vector<std::int64_t> samples_;
  std::vector<double> signs_;
};

}  // namespace quasar
