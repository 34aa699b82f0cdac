#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/training_schedule.h"
#include "distributed/engine/workers.h"
#include "distributed/local_sgd/averaging_policy.h"
#include "distributed/local_sgd/ema.h"
#include "distributed/local_sgd/norm_test.h"
#include "distributed/local_sgd/objective.h"
#include "distributed/local_sgd/training_position.h"
#include "distributed/optimizers/optimizer.h"
#include "distributed/optimizers/outer_optimizer.h"

namespace quasar {

class OverlappedGradients;

/// `local` clips each worker's own gradient always; the other the averaged one where gradients are averaged.
enum class ClipScope { local, global_where_averaged };

/// What follows a gradient that is not finite: no worker's parameters may take it in either case.
enum class OnNonfinite {
  stop,  ///< all workers stop before the next average
  skip  ///< the optimiser step is left out: on all workers where gradients are averaged, else on the worker that has it
};

struct LocalSgdOptions {
  std::int64_t local_batch_size = 1;  ///< b at the start
  OptimizerOptions optimizer;
  OuterOptions outer;
  AveragingPolicy averaging;
  std::optional<double> clip_norm;
  ClipScope clip_scope = ClipScope::global_where_averaged;
  std::optional<NormTest> norm_test;  ///< then the schedule counts samples in steps of K b
  bool hierarchical = false;          ///< gradients are averaged inside a node at every step
  std::optional<double> ema_decay;
  /// Tells all workers of a non-finite one before an average, and waiting from transferring: one more small collective.
  bool guard_averages = true;
  OnNonfinite on_nonfinite = OnNonfinite::stop;
  std::int64_t check_replicas = 0;  ///< rounds between checks that all workers have the same average; 0: never
};

/// One optimiser step on every worker of this process.
struct StepReport {
  double learning_rate = 0.0;
  BatchResult batch;  ///< of the first worker here, but times of all of them
  bool clipped = false, skipped = false;
  double optimizer_seconds = 0.0;
  /// If measured.
  double gradient_norm = 0.0, parameter_norm = 0.0, update_norm = 0.0;
};

/// What an average changed; means over all K workers, the same on every one.
struct AverageReport {
  bool of_parameters = true;         ///< false where the round's one step averaged gradients
  double dispersion = 0.0;           ///< sum_k |theta_k - average|^2 / K
  double mean_squared_update = 0.0;  ///< sum_k |Delta_k|^2 / K, Delta_k = theta_k - theta at the start of the round
  double squared_mean_update = 0.0;  ///< |mean Delta|^2
  double squared_average = 0.0;      ///< |average|^2
  std::int64_t bytes = 0;
  double wait_seconds = 0.0, transfer_seconds = 0.0;

  /// |mean Delta|^2 K / sum_k |Delta_k|^2: 1 if the workers agree, 1/K if they only differ by noise.
  double alignment() const { return squared_mean_update / mean_squared_update; }
};

/// A tensor of the state that a checkpoint holds.
struct StateField {
  std::string name;
  at::Tensor tensor;
  bool shared;  ///< equal on all processes
};

/// Local SGD and its kin on the workers of one process, which may be several, trained in turn.        Stich 2019
/// (arXiv:1805.09767); with a rule for H Gu et al. 2024 (arXiv:2310.14423), post-local Lin et al. 2020 (arXiv:1808.07217)
///
///   gradient → (average over workers or node) → clip → optimiser step(eta_t) → t + 1
///   → at the end of a round: average parameters, outer step, H = rule(eta_t, t)
///
/// With a norm test the schedule's clock is samples / (K b_0) instead of steps, and b grows between rounds.
class LocalSgd {
 public:
  /// Every process must give equally many objectives, at least one; all start from rank 0's parameters (one collective).
  LocalSgd(const LocalSgdOptions& options, const TrainingSchedule& schedule, Worker& worker,
           std::vector<std::unique_ptr<Objective>> locals);
  ~LocalSgd();

  bool done() const;
  bool round_is_over() const { return position_.step == position_.next_sync; }
  const TrainingPosition& position() const { return position_; }
  int num_workers() const { return num_workers_; }
  Objective& local(std::size_t index) { return *locals_[index]; }
  std::size_t local_count() const { return locals_.size(); }

  /// Whether a worker here has had a loss that is not finite, its parameters being about to follow, or has left out so
  /// many steps in a row that it will never go on.
  bool saw_nonfinite_loss() const { return first_bad_step_ >= 0; }
  /// Throws Diverged on all processes, naming the worker and its first bad tensor, if any worker's parameters are not
  /// finite; `doing` says what was not done. A collective.
  void throw_if_any_diverged(const char* doing);

  /// One optimiser step. throws Diverged if gradients are averaged and their average is not finite.
  StepReport step(bool measured);

  /// Averages at the end of a round and starts the next one.
  ///
  /// throws  Diverged on all processes, before anything is averaged, if a worker's parameters are not finite
  AverageReport end_round(bool measured);

  /// The mean of the workers' parameters now, in a new tensor: training is left as it is. A collective.
  at::Tensor shadow_parameters();
  /// Batch-norm statistics over the workers, combined as the policy says (keep: their means); undefined without any.
  at::Tensor shadow_buffers();
  /// Exponential moving average of the averaged parameters; undefined if there is none.
  at::Tensor ema() const { return ema_ ? ema_->average() : at::Tensor(); }

  std::vector<StateField> state();
  /// Goes on from a checkpoint's position, after its tensors have been copied into state()'s.
  void restore(const TrainingPosition& position);

 private:
  std::int64_t schedule_step() const;
  void begin_round();
  void average_gradients(bool overlapped);
  bool skip_if_not_finite(std::size_t local);
  void average_local_state();
  void measure(const std::vector<at::Tensor>& own, const at::Tensor& average, AverageReport& report);
  void choose_overlap(bool wanted);
  at::Tensor combined_buffers(Purpose purpose);
  void test_norms(const std::vector<BatchResult>& batches);
  /// Over the processes; workers in turn on one process exchange nothing, but what they stand for is counted.
  void average(at::Tensor& mean, Purpose purpose = Purpose::training);
  Account exchanged() const;
  void account(const Account& before);

  LocalSgdOptions options_;
  TrainingSchedule schedule_;
  Worker& worker_;
  std::vector<std::unique_ptr<Objective>> locals_;
  std::vector<Optimizer> optimizers_;
  std::vector<at::Tensor> buffers_before_;  // the step, for one that is left out
  OuterOptimizer outer_;
  std::unique_ptr<OverlappedGradients> overlapped_;
  TrainingPosition position_;
  Account in_turn_;  // what workers in turn would have exchanged
  int num_workers_;
  at::Tensor round_start_;  // parameters that all workers had at the start of the round
  std::optional<Ema> ema_;
  std::int64_t first_bad_step_ = -1;
  std::int64_t unshared_skips_ = 0;           // left out here since the workers last told each other
  std::vector<std::int64_t> skips_in_a_row_;  // of each worker here
};

}  // namespace quasar
