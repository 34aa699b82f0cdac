#include "toy_models/ensemble.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <type_traits>

#include "core/errors.h"
#include "core/interrupt.h"
#include "core/parallel_for.h"
#include "toy_models/ensemble_checks.h"
#include "toy_models/ensemble_dynamics.h"
#include "toy_models/round_queue.h"

namespace quasar {
namespace {

// A batch of rounds is some tenths of a second of work, so that progress and interrupts are seen in time.
constexpr double kWorkerStepsPerBatchOnCpu = 3e8, kCostOfSigns = 0.15;  // of a core
constexpr double kWorkerStepsPerBatchOnCuda = 1e11, kCostInDoubleOnCuda = 2;
constexpr double kWorkerStepsPerBatchOfGenericKernel = 5e6;
constexpr double kMostStepsPerBatch = 1e6;  // their learning rates are stored

/// What is counted of replicas in any order.
struct Counts {
  std::vector<RoundedSample> values;
  std::vector<HistogramCounts> histograms;
};

template <int Dim, class Real>
class Ensemble {
 public:
  using Recording = EnsembleRecording<Dim>;

  Ensemble(const Dynamics<Dim, Real>& dynamics, const Vec<Dim>& start, const EnsembleOptions& options,
           std::int64_t switch_step, const Recording& recording, bool interruptible)
      : dynamics_(dynamics),
        options_(options),
        method_{options.noise, options.optimizer, switch_step},
        recording_(recording),
        interruptible_(interruptible) {
    Block<Dim, Real> block{};
    if constexpr (Dim == Eigen::Dynamic) block.average.resize(static_cast<std::size_t>(dynamics_.size));
    for (int i = 0; i < dynamics_.size; ++i)
      for (int lane = 0; lane < kLanes; ++lane) block.average[i][lane] = static_cast<Real>(start[i]);
    const std::int64_t all = blocks_in(options.replicas);
    first_block_ = all * options.shard / options.shards;
    blocks_.assign(static_cast<std::size_t>(all * (options.shard + 1) / options.shards - first_block_), block);
    if (recording.worker_dispersion) dispersion_.assign(blocks_.size() * kLanes, 0.0);
    optimizer_state_.assign(blocks_.size() * kLanes * state_of_replica(), 0.0);
  }

  std::int64_t steps_per_batch() const {
    const double on_cuda = kWorkerStepsPerBatchOnCuda / (std::is_same_v<Real, double> ? kCostInDoubleOnCuda : 1);
    const double on_core = kWorkerStepsPerBatchOnCpu / (noise().law == WorkerNoiseLaw::signs ? kCostOfSigns : 1);
    const double fast = options_.device == Device::cuda ? on_cuda : on_core * options_.threads;
    const double work = method_.is_needed() ? kWorkerStepsPerBatchOfGenericKernel : fast / dynamics_.relative_cost;
    const double per_step = static_cast<double>(blocks_.size()) * kLanes * options_.num_workers;
    return static_cast<std::int64_t>(std::min(kMostStepsPerBatch, work / per_step));
  }

  /// Some rounds; before_record: a record may follow the last of them.
  void advance(const RoundBatch<Real>& rounds, bool before_record) {
    if (!recording_.worker_dispersion || !before_record) {
      std::fill(dispersion_.begin(), dispersion_.end(), std::numeric_limits<double>::quiet_NaN());
      return advance(rounds.view());
    }
    if (rounds.all_but_last().num_rounds > 0) advance(rounds.all_but_last());
    const bool on_cpu = options_.device == Device::cpu;
    for_each_block([&](std::size_t b) {
      if (method_.is_needed()) return advance_generic_block(rounds.last(), b, &dispersion_[b * kLanes]);
      Block<Dim, Real> copy = blocks_[b];
      dynamics_.advance_block(rounds.last(), noise(), first_replica(b), on_cpu ? blocks_[b] : copy,
                              &dispersion_[b * kLanes]);
    });
    if (!on_cpu) advance(rounds.last());
  }

  /// What is recorded of the replicas in the domain; throws Interrupted if a signal has come.
  EnsembleRecord measure() {
    std::vector<SubtreeSum<RunningCovariance>> units;
    const std::int64_t end = first_block_ + static_cast<std::int64_t>(blocks_.size());
    for (const Subtree& subtree : subtrees_of(first_block_, end, kLevelOfUnit))
      units.push_back({subtree, RunningCovariance()});
    std::vector<Counts> counts(static_cast<std::size_t>(options_.threads), no_counts());
    parallel_for(units.size(), 1, options_.threads,
                 [&](std::size_t thread, std::size_t u) { units[u].sum = sum_of(units[u].subtree, counts[thread]); });
    EnsembleRecord record;
    for (const Subtree& subtree : subtrees_of(first_block_, end)) {
      const auto below = [](const auto& unit, std::int64_t block) { return unit.subtree.first() < block; };
      const auto from = std::lower_bound(units.begin(), units.end(), subtree.first(), below);
      const auto to = std::lower_bound(from, units.end(), subtree.end(), below);
      record.subtrees.push_back({subtree, sum_over_tree<RunningCovariance>(std::span(from, to), subtree)});
    }
    record.moments = sum_over_tree<RunningCovariance>(record.subtrees);
    record.observables = moments_of_each(record.moments);
    for (std::size_t thread = 1; thread < counts.size(); ++thread) {
      for (std::size_t o = 0; o < counts[0].values.size(); ++o) counts[0].values[o].merge(counts[thread].values[o]);
      for (std::size_t h = 0; h < counts[0].histograms.size(); ++h)
        counts[0].histograms[h].merge(counts[thread].histograms[h]);
    }
    record.values = std::move(counts[0].values);
    record.histograms = std::move(counts[0].histograms);
    record.left = replicas_that_left();
    record.left_domain = static_cast<std::int64_t>(record.left.size());
    record.left.resize(std::min(record.left.size(), EnsembleRecord::kMostNamed));
    record.paths = paths();
    return record;
  }

  bool has_diverged() const {
    const auto left = static_cast<std::int64_t>(replicas_that_left().size());
    return left == options_.replicas ||
           static_cast<double>(left) > options_.max_bad_fraction * static_cast<double>(options_.replicas);
  }

  [[noreturn]] void throw_diverged(std::int64_t step) const {
    const auto left = replicas_that_left();
    std::string names;
    for (std::size_t i = 0; i < std::min<std::size_t>(left.size(), 5); ++i)
      names += (i ? ", " : "") + std::to_string(left[i]);
    if (left.size() > 5) names += ", ...";
    throw Diverged("toy ensemble: " + std::to_string(left.size()) + " of " + std::to_string(options_.replicas) +
                   " replicas (" + names + ") were not finite, beyond 1e6 or without a projection by step " +
                   std::to_string(step) + "; try a smaller learning rate");
  }

  /// The blocks as memory has them, then the optimisers' states.
  std::string state() const {
    std::string state;
    for_each_piece(
        *this, [&](const void* memory, std::size_t bytes) { state.append(static_cast<const char*>(memory), bytes); });
    return state;
  }

  void restore(const std::string& state) {
    std::size_t expected = 0;
    for_each_piece(*this, [&](const void*, std::size_t bytes) { expected += bytes; });
    if (state.size() != expected)
      throw CheckpointError("the saved state is not of these replicas: it has " + std::to_string(state.size()) +
                            " bytes instead of " + std::to_string(expected));
    const char* from = state.data();
    for_each_piece(*this, [&](void* memory, std::size_t bytes) {
      std::memcpy(memory, from, bytes);
      from += bytes;
    });
  }

 private:
  static constexpr int kLevelOfUnit = 6;  // 64 blocks are measured in one go

  /// Calls visit(memory, bytes) for all that changes from round to round.
  template <class Self, class Visit>
  static void for_each_piece(Self& self, const Visit& visit) {
    for (auto& block : self.blocks_) {
      visit(&block.average[0][0], static_cast<std::size_t>(self.dynamics_.size) * kLanes * sizeof(Real));
      visit(block.left_domain, sizeof(block.left_domain));
    }
    if (!self.optimizer_state_.empty())
      visit(self.optimizer_state_.data(), self.optimizer_state_.size() * sizeof(double));
    if (!self.dispersion_.empty()) visit(self.dispersion_.data(), self.dispersion_.size() * sizeof(double));
  }

  void for_each_block(const std::function<void(std::size_t)>& work) const {
    parallel_for(blocks_.size(), 1, options_.threads, [&](std::size_t b) {
      if (interruptible_) throw_if_interrupted();
      work(b);
    });
  }

  void advance(const RoundsView<Real>& rounds) {
    if (interruptible_) throw_if_interrupted();
    if (options_.device == Device::cuda) return dynamics_.advance_on_cuda(rounds, noise(), first_replica(0), blocks_);
    for_each_block([&](std::size_t b) {
      if (method_.is_needed()) return advance_generic_block(rounds, b, nullptr);
      dynamics_.advance_block(rounds, noise(), first_replica(b), blocks_[b], nullptr);
    });
  }

  std::size_t state_of_replica() const { return method_.state_size(options_.num_workers, dynamics_.size); }

  void advance_generic_block(const RoundsView<Real>& rounds, std::size_t b, double* dispersion) {
    for (int lane = 0; lane < lanes_used(b); ++lane) {
      Vec<Dim> x = average(b, lane);
      const std::size_t place = b * kLanes + static_cast<std::size_t>(lane);
      const bool inside = dynamics_.advance_generic(
          rounds, noise(), method_, static_cast<std::uint32_t>(replica(b, lane)), x.data(),
          optimizer_state_.data() + place * state_of_replica(), dispersion ? dispersion + lane : nullptr);
      for (int i = 0; i < dynamics_.size; ++i) blocks_[b].average[i][lane] = static_cast<Real>(x[i]);
      if (!inside) blocks_[b].left_domain[lane] = 1;
    }
  }

  WorkerNoise noise() const {
    const bool signs = std::holds_alternative<toy_noise::LabelNoise>(options_.noise);
    return {options_.seed, options_.num_workers, signs ? WorkerNoiseLaw::signs : WorkerNoiseLaw::gaussian};
  }
  std::int64_t replica(std::size_t b, int lane = 0) const {
    return (first_block_ + static_cast<std::int64_t>(b)) * kLanes + lane;
  }
  std::uint32_t first_replica(std::size_t b) const { return static_cast<std::uint32_t>(replica(b)); }
  int lanes_used(std::size_t b) const {
    return static_cast<int>(std::min<std::int64_t>(kLanes, options_.replicas - replica(b)));
  }

  Counts no_counts() const {
    Counts counts;
    if (recording_.quantiles) counts.values.resize(recording_.observables.size());
    for (const auto& histogram : recording_.histograms)
      counts.histograms.push_back({std::vector<std::int64_t>(static_cast<std::size_t>(histogram.bins))});
    return counts;
  }

  Vec<Dim> average(std::size_t b, int lane) const {
    Vec<Dim> x = Vec<Dim>::Zero(dynamics_.size);
    for (int i = 0; i < dynamics_.size; ++i) x[i] = static_cast<double>(blocks_[b].average[i][lane]);
    return x;
  }

  /// Over a subtree of blocks, of each block in lane order.
  RunningCovariance sum_of(const Subtree& subtree, Counts& counts) {
    if (subtree.level == 0) return sum_of_block(static_cast<std::size_t>(subtree.index - first_block_), counts);
    RunningCovariance sum = sum_of({subtree.level - 1, 2 * subtree.index}, counts);
    sum.merge(sum_of({subtree.level - 1, 2 * subtree.index + 1}, counts));
    return sum;
  }

  RunningCovariance sum_of_block(std::size_t b, Counts& counts) {
    std::vector<double> values(recording_.observables.size());
    RunningCovariance sum(values.size());
    for (int lane = 0; lane < lanes_used(b); ++lane) {
      throw_if_interrupted();
      if (blocks_[b].left_domain[lane]) continue;
      Observed<Dim> observed;
      observed.average = average(b, lane);
      try {
        observed.projected = recording_.projects ? dynamics_.project(observed.average) : observed.average;
      } catch (const NumericalError&) {
        blocks_[b].left_domain[lane] = 1;
        continue;
      }
      observed.worker_dispersion =
          recording_.worker_dispersion ? dispersion_[b * kLanes + static_cast<std::size_t>(lane)] : std::nan("");
      for (std::size_t o = 0; o < values.size(); ++o) {
        values[o] = recording_.observables[o](observed);
        if (recording_.quantiles) counts.values[o].add(values[o]);
      }
      sum.add(values);
      for (std::size_t h = 0; h < recording_.histograms.size(); ++h) {
        const auto& histogram = recording_.histograms[h];
        counts.histograms[h].add(histogram.value(observed), histogram.low, histogram.high);
      }
    }
    return sum;
  }

  std::vector<std::vector<double>> paths() const {
    std::vector<std::vector<double>> result;
    for (std::size_t b = 0; b < blocks_.size(); ++b)
      for (int lane = 0; lane < lanes_used(b); ++lane) {
        if (replica(b, lane) >= recording_.paths) return result;
        const Vec<Dim> x = average(b, lane);
        result.emplace_back(x.data(), blocks_[b].left_domain[lane] ? x.data() : x.data() + x.size());
      }
    return result;
  }

  std::vector<std::int64_t> replicas_that_left() const {
    std::vector<std::int64_t> result;
    for (std::size_t b = 0; b < blocks_.size(); ++b)
      for (int lane = 0; lane < lanes_used(b); ++lane)
        if (blocks_[b].left_domain[lane]) result.push_back(replica(b, lane));
    return result;
  }

  Dynamics<Dim, Real> dynamics_;
  EnsembleOptions options_;
  GenericMethod method_;
  const Recording& recording_;
  bool interruptible_;
  std::int64_t first_block_;
  std::vector<Block<Dim, Real>> blocks_;
  std::vector<double> dispersion_;       // of each replica before its last average
  std::vector<double> optimizer_state_;  // replica by replica; see GenericMethod::state_size
};

template <int Dim, class Real>
void run(const Dynamics<Dim, Real>& dynamics, const Vec<Dim>& start, const TrainingSchedule& schedule,
         const EnsembleOptions& options, const EnsembleRecording<Dim>& recording, const EnsembleCallbacks& callbacks,
         const EnsembleState* resume_from) {
  Ensemble<Dim, Real> ensemble(dynamics, start, options, schedule.sync.switch_step, recording, !callbacks.on_pause);
  RoundQueue queue(schedule, options.optimizer.rate_factor());
  auto next_time = recording.times.begin();
  const auto pass_times = [&] {
    while (next_time != recording.times.end() && queue.has_reached(*next_time)) ++next_time;
  };
  if (resume_from) {
    ensemble.restore(resume_from->replicas);
    queue.restore(resume_from->step, resume_from->round, resume_from->slow_time);
    next_time += std::min<std::ptrdiff_t>(resume_from->records, recording.times.end() - next_time);
  }
  const auto pause = [&] {
    if (!callbacks.on_pause) return;
    callbacks.on_pause([&] {
      return EnsembleState{queue.step(), queue.round(), queue.slow_time(), next_time - recording.times.begin(),
                           ensemble.state()};
    });
  };
  while (true) {
    bool diverged = ensemble.has_diverged();
    const bool due = next_time != recording.times.end() && queue.has_reached(*next_time);
    if (due || diverged || queue.empty()) {
      EnsembleRecord record;
      try {
        record = ensemble.measure();
      } catch (const Interrupted&) {
        pause();
        throw;
      }
      diverged = ensemble.has_diverged();
      record.step = queue.step();
      record.round = queue.round();
      record.slow_time = queue.slow_time();
      callbacks.on_record(record);
      pass_times();
    }
    if (diverged) ensemble.throw_diverged(queue.step());
    if (queue.empty()) return;
    pause();
    const double until = next_time != recording.times.end() ? *next_time : std::numeric_limits<double>::infinity();
    const auto rounds = queue.take<Real>(until, ensemble.steps_per_batch());
    ensemble.advance(rounds, queue.empty() || queue.has_reached(until));
    callbacks.on_progress(queue.step());
  }
}

}  // namespace

template <class L>
void record_ensemble(const L& landscape, const Vec<L::dim>& start, const TrainingSchedule& schedule,
                     const EnsembleOptions& options, const EnsembleRecording<L::dim>& recording,
                     const EnsembleCallbacks& callbacks, const EnsembleState* resume_from) {
  static_assert(Landscape<L> || DynamicLandscape<L>);
  check_ensemble(options, {.minibatch = FiniteSum<L>, .generic = Landscape<L>});
  if (DynamicLandscape<L> && recording.projects && !recording.project)
    throw ConfigError("toy ensemble: a landscape without Phi in closed form needs EnsembleRecording::project");
  const auto run_in = [&]<class Real>(Real) {
    auto dynamics = dynamics_of<Real>(landscape, options.instruction_set);
    if constexpr (DynamicLandscape<L>) dynamics.project = recording.project;
    run(dynamics, start, schedule, options, recording, callbacks, resume_from);
  };
  if (options.precision == Precision::float32)
    run_in(float());
  else
    run_in(double());
}

// Every argument's type follows from the landscape's.
template <class L>
using RecordEnsemble = void(const L&, const Vec<L::dim>&, const TrainingSchedule&, const EnsembleOptions&,
                            const EnsembleRecording<L::dim>&, const EnsembleCallbacks&, const EnsembleState*);
#define QUASAR_DEFINE(...) template RecordEnsemble<__VA_ARGS__> record_ensemble<__VA_ARGS__>;
QUASAR_FOR_EACH_LANDSCAPE(QUASAR_DEFINE)
QUASAR_FOR_EACH_DYNAMIC_LANDSCAPE(QUASAR_DEFINE)

}  // namespace quasar
