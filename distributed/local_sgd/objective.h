#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace quasar {

class OverlappedGradients;

/// Which mini-batch a worker takes.
struct BatchName {
  std::int64_t step;         ///< optimiser steps done
  std::int64_t place;        ///< in the stream of visits (Sampler)
  int worker;                ///< k of K, simulated workers counted
  int num_workers;           ///< K
  std::int64_t local_batch;  ///< b
  bool measured = false;     ///< whether hits and times are wanted
  bool variance = false;     ///< whether the variance within the batch is wanted (norm test)
};

struct BatchResult {
  double loss = 0.0;             ///< mean over the batch (0 where it is not computed)
  std::int64_t correct = 0;      ///< hits, if measured
  std::int64_t predictions = 0;  ///< of which they are
  std::int64_t next_place = 0;   ///< where the next step begins in the stream of visits
  /// Data: from being asked for the batch until all of it is there, less the computing between micro-batches.
  double data_seconds = 0.0, forward_seconds = 0.0, backward_seconds = 0.0;
  /// |g_j|^2 of the micro-batches' gradients, if the variance was wanted and there are several.
  std::vector<double> micro_squared_norms;
};

/// What one worker trains: a model whose parameters and gradient lie in one flat buffer each, and its mini-batches.
class Objective {
 public:
  virtual ~Objective() = default;

  /// Adds the gradient of the mean loss of the mini-batch to gradient().
  virtual BatchResult add_gradient(const BatchName& batch) = 0;

  /// Flat; the first decayed() of them take weight decay.
  virtual at::Tensor& parameters() = 0;
  virtual at::Tensor& gradient() = 0;
  virtual std::int64_t decayed() const { return 0; }
  /// Running statistics of batch norm, flat; undefined if there are none.
  virtual at::Tensor buffers() { return {}; }
  /// The parameters as the network sees them, for gradients averaged while they are computed; none if it cannot be done.
  virtual std::vector<at::Tensor> leaves() { return {}; }
  /// Gradients that are averaged between the workers while they are computed, until called with nullptr.
  virtual void overlap(OverlappedGradients*) {}
  /// What the network calls the number at this place of the flat buffer.
  virtual std::string name_of(std::int64_t /*offset*/) const { return "parameters"; }
};

}  // namespace quasar
