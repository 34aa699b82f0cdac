#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/loss.h"
#include "core/training_schedule.h"
#include "toy_models/cpu_dispatch.h"
#include "toy_models/ensemble_record.h"
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
  ToyNoise noise;                            ///< laws other than Gaussian and label noise, and
  ToyOptimizer optimizer;                    ///< optimisers other than plain SGD, run in float64 on the CPU only
  double max_bad_fraction = 0.0;             ///< of the replicas that may leave the domain before the run is given up
  int shard = 0;                             ///< which part of the replicas to run, of
  int shards = 1;                            ///< so many parts

  // How, not what: these never change the results.
  Device device = Device::cpu;
  int threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  InstructionSet instruction_set = best_instruction_set();
};

/// What an observable sees of a replica, right after an average.
template <int Dim>
struct Observed {
  Vec<Dim> average;          ///< mean of the workers
  Vec<Dim> projected;        ///< Phi of it
  double worker_dispersion;  ///< mean squared distance of the workers from it just before; NaN if not asked for
};

/// A pure function: it is called from several threads at once.
template <int Dim>
using Observable = std::function<double(const Observed<Dim>&)>;

/// What is recorded, in double from copies of the replicas, and when.
template <int Dim>
struct EnsembleRecording {
  bool projects = true;  ///< whether something looks at Phi; without it `projected` is the average
  /// Phi, for a DynamicLandscape; the others have it in closed form. Pure, and called from several threads at once. Where
  /// it throws NumericalError the replica has left the domain.
  std::function<Vec<Dim>(const Vec<Dim>&)> project;
  /// Slow times, increasing. A record is made after the first round that ends at or after each of them (0: before the
  /// first round), and at the end of training.
  std::vector<double> times;
  std::vector<Observable<Dim>> observables;
  bool quantiles = false;  ///< of every observable
  struct Histogram {
    Observable<Dim> value;
    double low, high;
    std::int64_t bins;
  };
  std::vector<Histogram> histograms;
  std::int64_t paths = 0;          ///< of the first replicas
  bool worker_dispersion = false;  ///< just before the record's average
};

/// Where an ensemble stands between two rounds; with its options it is all that a restart needs.
struct EnsembleState {
  std::int64_t step = 0;
  std::int64_t round = 0;
  double slow_time = 0.0;
  std::int64_t records = 0;  ///< how many of the slow times have been passed
  std::string replicas;      ///< every average, as this machine's memory has it
};

struct EnsembleCallbacks {
  std::function<void(const EnsembleRecord&)> on_record = [](const EnsembleRecord&) {};
  std::function<void(std::int64_t step)> on_progress = [](std::int64_t) {};
  /// If given, it is called between batches of rounds (some tenths of a second, or one round where that takes longer),
  /// or when a signal has come in the middle of a record, which is then made anew. It may ask for the state, and is to
  /// throw if a signal has come.
  std::function<void(const std::function<EnsembleState()>& state)> on_pause;
};

/// Local SGD with K workers from `start` on many replicas at once, under the schedule's learning rate and H.
///
///   each worker:  x <- x - eta_t (grad L(x) + noise of covariance K S(x)),   after H steps all workers <- their mean
///
/// resume_from  if given, goes on from there, and makes the records that come after
/// throws       ConfigError for impossible options, naming what can be combined; Interrupted (unless on_pause looks after
///              signals); Diverged, with the last record handed to the callback, when more than max_bad_fraction of the
///              replicas have left the domain, or all; CheckpointError if the state to go on from is not of these replicas
/// The result does not depend on threads, instruction set or device, bit for bit, nor on restarts, and a replica's path
/// does not depend on the others. Shards own whole blocks of replicas; join_shards() of their records is the record of
/// the whole. A step below schedule.sync.switch_step is a round of its own: that is averaging gradients; with an optimiser
/// that has a state they take one step, after which all workers have the same state.
/// A DynamicLandscape takes Gaussian noise or label noise with plain SGD.
/// cost         1e9 worker-steps a second and core, with label noise 6e9, with other noise or optimisers 8e6; of a
///              DynamicLandscape see advance_dynamic_rounds(), and a record costs a `project` a replica; memory per
///              replica: dim numbers, and slots x K x dim of optimiser state; beside that the learning
///              rates of the longest round, and nothing that grows with the steps. A record: some 45 ns a replica and
///              observable with quantiles, so that one in 100 steps of K = 4 costs a fifth, one in 10,000 nothing
template <class L>
void record_ensemble(const L& landscape, const Vec<L::dim>& start, const TrainingSchedule& schedule,
                     const EnsembleOptions& options, const EnsembleRecording<L::dim>& recording,
                     const EnsembleCallbacks& callbacks = {}, const EnsembleState* resume_from = nullptr);

/// The same with means and covariances of the observables only; returns all the records as well.
template <Landscape L>
std::vector<EnsembleRecord> run_ensemble(const L& landscape, const Vec<L::dim>& start, const TrainingSchedule& schedule,
                                         const EnsembleOptions& options,
                                         const std::vector<Observable<L::dim>>& observables,
                                         const std::vector<double>& record_times,
                                         const EnsembleCallbacks& callbacks = {}) {
  EnsembleRecording<L::dim> recording;
  recording.times = record_times;
  recording.observables = observables;
  std::vector<EnsembleRecord> records;
  EnsembleCallbacks keeping = callbacks;
  keeping.on_record = [&](const EnsembleRecord& record) {
    records.push_back(record);
    callbacks.on_record(record);
  };
  record_ensemble(landscape, start, schedule, options, recording, keeping);
  return records;
}

}  // namespace quasar
