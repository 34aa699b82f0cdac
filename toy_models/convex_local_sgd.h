#pragma once

#include <cstdint>
#include <deque>

#include "toy_models/convex_loss.h"

namespace quasar {

/// How long others' work is on its way to a worker of the asynchronous algorithm, counted in their writes.
enum class WriteDelay {
  none,      ///< each round starts from all that was written before it: the workers take turns
  constant,  ///< K - 1: all workers compute at once, at the same speed
  uniform    ///< 0 to 2 (K - 1), drawn anew each round
};

struct ConvexMethod {
  int num_workers = 1;           ///< K
  std::int64_t sync_period = 1;  ///< H
  int local_batch_size = 1;      ///< b, drawn with replacement
  double shift = 4.0;            ///< a >= 4 of the step sizes eta_t = 4/(mu (a + t))
  std::uint64_t seed = 0;
  bool asynchronous = false;
  WriteDelay delay = WriteDelay::constant;  ///< of the asynchronous algorithm
};

/// Local SGD on a strongly convex loss with decreasing steps and a weighted average of all iterates.
///
///   x_{t+1}^k = x_t^k - eta_t grad f_{i_t^k}(x_t^k),  eta_t = 4/(mu (a + t)),   after every H steps x^k <- (1/K) sum_j x^j
///   average = (1/(K S_T)) sum_k sum_t w_t x_t^k,   w_t = (a + t)^2,  S_T = sum_{t < T} w_t
///                                                                    Stich 2019 (arXiv:1805.09767), Alg. 1, Thm. 2.2
///
/// Asynchronous (Alg. 2): the rounds follow one another, round r by worker r mod K. It reads the aggregate without the last
/// few writes, takes H steps from there to x^k and writes: aggregate <- aggregate + (x^k - read)/K. Delays up to K - 1 never
/// hide a worker's own writes from it.
/// With H = 1 the synchronous algorithm is mini-batch SGD with K b samples. What is drawn depends on (seed, t, k) alone.
/// cost  a step: b rows and 3 dim additions; memory: the data and 4 iterates, 2 K with delays
class ConvexLocalSgd {
 public:
  /// throws  ConfigError for K, H, b or a that are too small
  ConvexLocalSgd(const ConvexLoss& loss, const ConvexMethod& method);

  /// All workers take H steps.
  void advance();

  std::int64_t step() const { return step_; }  ///< T, steps of each worker
  std::int64_t gradients() const;              ///< of samples, by all workers
  std::int64_t rounds() const { return step_ / method_.sync_period; }
  /// Where the workers are, or the aggregate.
  const Eigen::VectorXd& iterate() const { return versions_.back(); }
  /// The weighted average; the start before the first step.
  Eigen::VectorXd average() const;

 private:
  /// H steps of a worker from the first-th on, its iterates added to the average.
  void local_steps(int worker, Eigen::VectorXd& x);
  void advance_asynchronously();
  std::size_t delay_of(std::int64_t round, int worker) const;

  const ConvexLoss& loss_;
  ConvexMethod method_;
  std::int64_t step_ = 0;
  std::deque<Eigen::VectorXd> versions_;  ///< of the aggregate, as many as a delay may reach back
  Eigen::VectorXd weighted_sum_;          ///< sum of w_t x_t^k
  Eigen::VectorXd slopes_;                ///< of a batch
};

/// What the bound of Stich's theorem knows of a run.
struct ConvexBoundInputs {
  double squared_distance;   ///< |x_0 - x*|^2
  double gradient_variance;  ///< sigma^2, of a worker's batch
  double gradient_square;    ///< G^2, second moment of a worker's batch
};

/// E f(average) - f* is at most this after T steps of each worker.
///
///   mu a^3/(2 S_T) |x_0 - x*|^2 + 4 T (T + 2a)/(mu K S_T) sigma^2 + 256 T/(mu^2 S_T) G^2 H^2 L
///                                                                    Stich 2019 (arXiv:1805.09767), Thm. 2.2
///
/// It is a theorem for a > max(16 L/mu, H) and the synchronous algorithm.     Not checked: either.
double stich_bound(const ConvexLoss& loss, const ConvexMethod& method, std::int64_t steps,
                   const ConvexBoundInputs& inputs);

/// The smallest a that the theorem allows: max(16 L/mu, H), rounded up to the next number.
double stich_shift(const ConvexLoss& loss, std::int64_t sync_period);

}  // namespace quasar
