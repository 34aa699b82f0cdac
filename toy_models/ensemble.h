#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "core/estimate.h"
#include "core/loss.h"
#include "core/training_schedule.h"
#include "toy_models/cpu_dispatch.h"
#include "toy_models/generic_kernel.h"
#include "toy_models/landscape.h"

namespace quasar {

enum class Precision { float32, float64 };
enum class Device { cpu, cuda };

struct EnsembleOptions {
  int num_workers = 4;        ///< K
  std::int64_t replicas = 1;  ///< independent copies of the whole training run
  std::uint64_t seed = 0;
  Precision precision = Precision::float64;  ///< of the iterates; float32 is good down to learning rates of about 1e-3
  ToyNoise noise;                            ///< other laws than Gaussian, and
  ToyOptimizer optimizer;                    ///< other optimisers than plain SGD, run in float64 on the CPU only
  double max_bad_fraction = 0.0;             ///< of the replicas that may leave the domain before the run is given up

  // How, not what: these never change the results.
  Device device = Device::cpu;
  int threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  InstructionSet instruction_set = best_instruction_set();
};

/// What an observable sees of a replica, right after an average.
template <int Dim>
struct Observed {
  Vec<Dim> average;    ///< mean of the workers
  Vec<Dim> projected;  ///< Phi of it
};

/// A pure function: it is called from several threads at once.
template <int Dim>
using Observable = std::function<double(const Observed<Dim>&)>;

/// The ensemble after some round.
struct EnsembleRecord {
  std::int64_t step;                        ///< steps done
  std::int64_t round;                       ///< rounds done
  double slow_time;                         ///< sum over the steps done of eta^2, with momentum b of (eta/(1 - b))^2
  std::vector<RunningMoments> observables;  ///< over the replicas still in the domain
  std::int64_t left_domain;                 ///< replicas that were ever not finite or beyond kDomainBound; not averaged
};

struct EnsembleCallbacks {
  std::function<void(const EnsembleRecord&)> on_record = [](const EnsembleRecord&) {};
  std::function<void(std::int64_t step)> on_progress = [](std::int64_t) {};
};

/// Local SGD with K workers from `start` on many replicas at once, under the schedule's learning rate and H.
///
///   each worker:  x <- x - eta_t (grad L(x) + noise of covariance K S(x)),   after H steps all workers <- their mean
///
/// record_times  slow times, increasing. A record is made after the first round that ends at or after each of them
///               (0: before the first round), and at the end of training.
/// returns       all the records; the callback gets each as soon as it is made
/// throws        ConfigError for impossible options, naming what can be combined; Interrupted; Diverged, with the last record handed to the callback,
///               when more than max_bad_fraction of the replicas have left the domain
/// The result does not depend on threads, instruction set or device, bit for bit, and a replica's path does not depend
/// on the others. A step below schedule.sync.switch_step is a round of its own: that is averaging gradients.
/// Averaged gradients take one optimiser step, after which all workers have the same moments.
/// cost          1e9 worker-steps a second and core at best, some 8e6 with another noise law or optimiser; memory per
///               replica: dim numbers, and slots x K x dim of optimiser state
template <class L>
std::vector<EnsembleRecord> run_ensemble(const L& landscape, const Vec<L::dim>& start, const TrainingSchedule& schedule,
                                         const EnsembleOptions& options,
                                         const std::vector<Observable<L::dim>>& observables,
                                         const std::vector<double>& record_times,
                                         const EnsembleCallbacks& callbacks = {});

}  // namespace quasar
