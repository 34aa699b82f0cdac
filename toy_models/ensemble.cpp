#include "toy_models/ensemble.h"

#include <atomic>
#include <cmath>
#include <future>
#include <limits>
#include <string>

#include "core/errors.h"
#include "core/interrupt.h"
#include "toy_models/circle.h"
#include "toy_models/diagonal_network.h"
#include "toy_models/ellipse.h"
#include "toy_models/ensemble_cuda.h"
#include "toy_models/hyperbola.h"
#include "toy_models/least_squares.h"
#include "toy_models/multiplicative_quadratic.h"
#include "toy_models/periodic_valley.h"
#include "toy_models/quadratic.h"
#include "toy_models/river.h"
#include "toy_models/round_queue.h"
#include "toy_models/sphere.h"
#include "toy_models/turning_valley.h"
#include "toy_models/valley.h"

namespace quasar {
namespace {

// A batch of rounds is some tenths of a second of work, so that progress and interrupts are seen in time.
constexpr double kWorkerStepsPerBatchOnCpu = 3e8;
constexpr double kWorkerStepsPerBatchOfGenericKernel = 5e6;
constexpr double kWorkerStepsPerBatchOnCuda = 1e11;
constexpr double kMostStepsPerBatch = 1e6;  // their learning rates are stored

void check(const EnsembleOptions& options) {
  const auto demand = [](bool holds, const std::string& what) {
    if (!holds) throw ConfigError("toy ensemble: " + what);
  };
  demand(options.num_workers >= 1 && options.num_workers <= 65536, "the number of workers must be 1 to 65536");
  demand(options.replicas >= 1 && options.replicas <= std::numeric_limits<std::int32_t>::max(),
         "the number of replicas must be 1 to 2147483647");
  demand(options.threads >= 1, "the number of threads must be at least 1");
  demand(options.max_bad_fraction >= 0.0, "max_bad_fraction must not be negative");
  if (options.device == Device::cuda) require_cuda();
}

/// Refuses noise and optimisers that there is no kernel for.
template <class L>
void check_method(const EnsembleOptions& options) {
  const bool batches = std::holds_alternative<toy_noise::MiniBatch>(options.noise);
  if (batches && !FiniteSum<L>)
    throw ConfigError(
        "toy ensemble: mini-batch noise needs a landscape that is a mean of samples' losses; it can be combined with "
        "least_squares and diagonal_network, other landscapes with gaussian and student_t noise");
  const bool generic = GenericMethod{options.noise, options.optimizer}.is_needed();
  if (generic && (options.precision != Precision::float64 || options.device != Device::cpu))
    throw ConfigError(
        "toy ensemble: float32 and cuda can be combined with gaussian noise and sgd without momentum only; student_t "
        "and minibatch noise, momentum and adam take float64 on the cpu");
}

/// Calls work(b) for every block on some threads; an exception of any of them ends all and is thrown here.
void for_each_block(int threads, std::size_t blocks, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  const auto take_blocks = [&] {
    for (std::size_t b; (b = next++) < blocks;) work(b);
  };
  std::vector<std::future<void>> helpers;
  for (int t = 1; t < threads && static_cast<std::size_t>(t) < blocks; ++t)
    helpers.push_back(std::async(std::launch::async, take_blocks));
  take_blocks();
  for (auto& helper : helpers) helper.get();
}

template <class L, class Real>
class Ensemble {
 public:
  Ensemble(const L& landscape, const Vec<L::dim>& start, const EnsembleOptions& options, std::int64_t switch_step)
      : landscape_(landscape), options_(options), method_{options.noise, options.optimizer, switch_step} {
    Block<L::dim, Real> block{};
    for (int i = 0; i < L::dim; ++i)
      for (int lane = 0; lane < kLanes; ++lane) block.average[i][lane] = static_cast<Real>(start[i]);
    blocks_.assign((static_cast<std::size_t>(options.replicas) + kLanes - 1) / kLanes, block);
    optimizer_state_.assign(static_cast<std::size_t>(options.replicas) * state_of_replica(), 0.0);
  }

  std::int64_t steps_per_batch() const {
    const double work = method_.is_needed()               ? kWorkerStepsPerBatchOfGenericKernel
                        : options_.device == Device::cuda ? kWorkerStepsPerBatchOnCuda
                                                          : kWorkerStepsPerBatchOnCpu;
    const double per_step = static_cast<double>(blocks_.size()) * kLanes * options_.num_workers;
    return static_cast<std::int64_t>(std::min(kMostStepsPerBatch, work / per_step));
  }

  void advance(const RoundsView<Real>& rounds) {
    const WorkerNoise noise{options_.seed, options_.num_workers};
    throw_if_interrupted();
    if (options_.device == Device::cuda) return CudaEnsemble<L>::advance(landscape_, rounds, noise, blocks_);
    for_each_block(options_.threads, blocks_.size(), [&](std::size_t b) {
      throw_if_interrupted();
      if (method_.is_needed()) return advance_generic_block(rounds, noise, b);
      advance_block(options_.instruction_set, landscape_, rounds, noise, static_cast<std::uint32_t>(b * kLanes),
                    blocks_[b]);
    });
  }

  /// Moments over the replicas in the domain: of each block in lane order, merged in block order.
  std::vector<RunningMoments> measure(const std::vector<Observable<L::dim>>& observables) const {
    std::vector<std::vector<RunningMoments>> of_block(blocks_.size());
    for_each_block(options_.threads, blocks_.size(), [&](std::size_t b) {
      of_block[b].resize(observables.size());
      for (int lane = 0; lane < lanes_used(b); ++lane) {
        if (blocks_[b].left_domain[lane]) continue;
        Observed<L::dim> observed;
        for (int i = 0; i < L::dim; ++i) observed.average[i] = static_cast<double>(blocks_[b].average[i][lane]);
        observed.projected = landscape_.project(observed.average);
        for (std::size_t o = 0; o < observables.size(); ++o) of_block[b][o].add(observables[o](observed));
      }
    });
    std::vector<RunningMoments> result(observables.size());
    for (const auto& block : of_block)
      for (std::size_t o = 0; o < result.size(); ++o) result[o].merge(block[o]);
    return result;
  }

  std::int64_t left_domain() const { return static_cast<std::int64_t>(replicas_that_left().size()); }

  bool has_diverged() const {
    return static_cast<double>(left_domain()) > options_.max_bad_fraction * static_cast<double>(options_.replicas);
  }

  [[noreturn]] void throw_diverged(std::int64_t step) const {
    const auto left = replicas_that_left();
    std::string names;
    for (std::size_t i = 0; i < std::min<std::size_t>(left.size(), 5); ++i)
      names += (i ? ", " : "") + std::to_string(left[i]);
    if (left.size() > 5) names += ", ...";
    throw Diverged("toy ensemble: " + std::to_string(left.size()) + " of " + std::to_string(options_.replicas) +
                   " replicas (" + names + ") were not finite or beyond 1e6 by step " + std::to_string(step) +
                   "; try a smaller learning rate");
  }

 private:
  std::size_t state_of_replica() const { return method_.state_size(options_.num_workers, L::dim); }

  void advance_generic_block(const RoundsView<Real>& rounds, const WorkerNoise& noise, std::size_t b) {
    if constexpr (std::is_same_v<Real, double>) {
      for (int lane = 0; lane < lanes_used(b); ++lane) {
        const std::size_t replica = b * kLanes + static_cast<std::size_t>(lane);
        double average[L::dim];
        for (int i = 0; i < L::dim; ++i) average[i] = blocks_[b].average[i][lane];
        const bool inside = advance_generic(landscape_, rounds, noise, method_, static_cast<std::uint32_t>(replica),
                                            average, optimizer_state_.data() + replica * state_of_replica());
        for (int i = 0; i < L::dim; ++i) blocks_[b].average[i][lane] = average[i];
        if (!inside) blocks_[b].left_domain[lane] = 1;
      }
    }
  }

  int lanes_used(std::size_t b) const {
    return static_cast<int>(std::min<std::int64_t>(kLanes, options_.replicas - static_cast<std::int64_t>(b) * kLanes));
  }

  std::vector<std::size_t> replicas_that_left() const {
    std::vector<std::size_t> result;
    for (std::size_t b = 0; b < blocks_.size(); ++b)
      for (int lane = 0; lane < lanes_used(b); ++lane)
        if (blocks_[b].left_domain[lane]) result.push_back(b * kLanes + static_cast<std::size_t>(lane));
    return result;
  }

  L landscape_;
  EnsembleOptions options_;
  GenericMethod method_;
  std::vector<Block<L::dim, Real>> blocks_;
  std::vector<double> optimizer_state_;  ///< replica by replica; see GenericMethod::state_size
};

template <class Real, class L>
std::vector<EnsembleRecord> run(const L& landscape, const Vec<L::dim>& start, const TrainingSchedule& schedule,
                                const EnsembleOptions& options, const std::vector<Observable<L::dim>>& observables,
                                const std::vector<double>& record_times, const EnsembleCallbacks& callbacks) {
  Ensemble<L, Real> ensemble(landscape, start, options, schedule.sync.switch_step);
  RoundQueue queue(schedule, options.optimizer.rate_factor());
  std::vector<EnsembleRecord> records;
  auto next_time = record_times.begin();
  while (true) {
    const bool diverged = ensemble.has_diverged();
    const bool due = next_time != record_times.end() && queue.has_reached(*next_time);
    if (due || diverged || queue.empty()) {
      records.push_back(
          {queue.step(), queue.round(), queue.slow_time(), ensemble.measure(observables), ensemble.left_domain()});
      callbacks.on_record(records.back());
      while (next_time != record_times.end() && queue.has_reached(*next_time)) ++next_time;
    }
    if (diverged) ensemble.throw_diverged(queue.step());
    if (queue.empty()) return records;
    const double until = next_time != record_times.end() ? *next_time : std::numeric_limits<double>::infinity();
    ensemble.advance(queue.take<Real>(until, ensemble.steps_per_batch()).view());
    callbacks.on_progress(queue.step());
  }
}

}  // namespace

template <class L>
std::vector<EnsembleRecord> run_ensemble(const L& landscape, const Vec<L::dim>& start, const TrainingSchedule& schedule,
                                         const EnsembleOptions& options,
                                         const std::vector<Observable<L::dim>>& observables,
                                         const std::vector<double>& record_times, const EnsembleCallbacks& callbacks) {
  static_assert(Landscape<L>);
  check(options);
  check_method<L>(options);
  const auto run_it = options.precision == Precision::float32 ? run<float, L> : run<double, L>;
  return run_it(landscape, start, schedule, options, observables, record_times, callbacks);
}

// One line a landscape; every argument's type follows from the landscape's.
template <class L>
using RunEnsemble = std::vector<EnsembleRecord>(const L&, const Vec<L::dim>&, const TrainingSchedule&,
                                                const EnsembleOptions&, const std::vector<Observable<L::dim>>&,
                                                const std::vector<double>&, const EnsembleCallbacks&);
template RunEnsemble<Valley> run_ensemble<Valley>;
template RunEnsemble<Circle> run_ensemble<Circle>;
template RunEnsemble<Hyperbola> run_ensemble<Hyperbola>;
template RunEnsemble<River> run_ensemble<River>;
template RunEnsemble<PeriodicValley> run_ensemble<PeriodicValley>;
template RunEnsemble<Sphere<3>> run_ensemble<Sphere<3>>;
template RunEnsemble<TurningValley> run_ensemble<TurningValley>;
template RunEnsemble<Ellipse> run_ensemble<Ellipse>;
template RunEnsemble<DiagonalNetwork<8, 3>> run_ensemble<DiagonalNetwork<8, 3>>;
template RunEnsemble<MultiplicativeQuadratic> run_ensemble<MultiplicativeQuadratic>;
template RunEnsemble<Quadratic<1>> run_ensemble<Quadratic<1>>;
template RunEnsemble<Quadratic<2>> run_ensemble<Quadratic<2>>;
template RunEnsemble<LeastSquares<2, 4>> run_ensemble<LeastSquares<2, 4>>;

}  // namespace quasar
