#include "experiments/toy_run.h"

#include <algorithm>
#include <charconv>

#include "core/edit_distance.h"
#include "core/interrupt.h"
#include "experiments/ensemble_options.h"
#include "experiments/landscapes.h"
#include "experiments/other_keys.h"
#include "experiments/records.h"
#include "experiments/toy_observables.h"
#include "toy_models/ensemble_checks.h"

namespace quasar {
namespace {

constexpr double kMostRecords = 1e6;

/// "i/n", counted from 0.
void read_shard(const Config& config, EnsembleOptions& options) {
  const std::string text = config.text("ensemble.shard");
  const char* const end = text.data() + text.size();
  const auto index = std::from_chars(text.data(), end, options.shard);
  const bool slash = index.ec == std::errc() && index.ptr != end && *index.ptr == '/';
  const auto count = slash ? std::from_chars(index.ptr + 1, end, options.shards) : index;
  if (!slash || count.ec != std::errc() || count.ptr != end || options.shards < 1)
    config.fail("ensemble.shard", "must be i/n, such as 0/8");
  if (options.shard < 0 || options.shard >= options.shards)
    config.fail("ensemble.shard", "shards are counted from 0, so of " + std::to_string(options.shards) +
                                      " the last one is " + std::to_string(options.shards - 1) + "/" +
                                      std::to_string(options.shards));
}

EnsembleOptions read_ensemble(const Config& config, int num_workers, std::uint64_t seed) {
  EnsembleOptions options;
  options.num_workers = num_workers;
  options.seed = seed;
  options.replicas = config.integer("ensemble.replicas", between(1, 2147483647.0), 10000);
  options.threads = static_cast<int>(config.integer("ensemble.threads", between(1, 4096), options.threads));
  options.max_bad_fraction = config.number("ensemble.max_bad_fraction", between(0.0, 1.0), 0.0);
  const bool single = config.choice("ensemble.precision", {"float64", "float32"}, std::string("float64")) == "float32";
  options.precision = single ? Precision::float32 : Precision::float64;
  const bool cuda = config.choice("ensemble.device", {"cpu", "cuda"}, std::string("cpu")) == "cuda";
  options.device = cuda ? Device::cuda : Device::cpu;
  if (config.has("ensemble.shard")) read_shard(config, options);
  read_noise_and_optimizer(config, options);
  return options;
}

/// record.times, or 0 and record.points equal parts of the run.
std::vector<double> read_times(const Config& config, double slow_time) {
  config.forget_replaced("record.times", {"record.points"});
  config.forget_replaced("record.points", {"record.times"});
  if (config.has("record.times")) {
    if (config.has("record.points")) config.fail("record.times", "and record.points exclude each other; give one");
    auto times = config.numbers("record.times", between(0.0, slow_time));
    std::sort(times.begin(), times.end());
    return times;
  }
  const std::int64_t points = config.integer("record.points", between(1, kMostRecords), 10);
  std::vector<double> times;
  for (std::int64_t i = 0; i < points; ++i)
    times.push_back(slow_time * static_cast<double>(i) / static_cast<double>(points));
  return times;
}

struct KnownObservables {
  std::vector<std::string> all, by_default;
};

template <int Dim>
KnownObservables names_of(const std::vector<ToyObservable<Dim>>& observables) {
  KnownObservables known;
  for (const auto& observable : observables) {
    known.all.push_back(observable.name);
    if (observable.by_default) known.by_default.push_back(observable.name);
  }
  return known;
}

std::vector<std::string> read_observables(const Config& config, const KnownObservables& known) {
  const auto chosen = config.texts("record.observables", known.by_default);
  std::string all;
  for (const auto& name : known.all) all += (all.empty() ? "" : ", ") + name;
  for (auto name = chosen.begin(); name != chosen.end(); ++name) {
    if (std::find(known.all.begin(), known.all.end(), *name) == known.all.end()) {
      const std::string near = nearest(*name, known.all);
      config.fail("record.observables", "this landscape has no observable '" + *name + "'" +
                                            (near.empty() ? "" : " (did you mean " + near + "?)") + "; it has " + all);
    }
    if (std::find(chosen.begin(), name, *name) != name)
      config.fail("record.observables", "names '" + *name + "' twice");
  }
  if (chosen.empty()) config.fail("record.observables", "must name at least one of " + all);
  return chosen;
}

void read_histograms(const Config& config, const KnownObservables& known, ToyRun& run) {
  for (const std::string& name : known.all) {
    const std::string key = "record.histograms." + name;
    if (!config.has(key)) continue;
    const auto range = config.numbers(key, any_number());
    if (range.size() != 3 || !(range[0] < range[1]) || range[2] < 1.0 || range[2] > 1e6 ||
        range[2] != static_cast<double>(static_cast<std::int64_t>(range[2])))
      config.fail(key, "must be [low, high, number of bins], such as [-1.0, 1.0, 50]");
    run.names.histograms.push_back({name, range[0], range[1]});
    run.histogram_bins.push_back(static_cast<std::int64_t>(range[2]));
  }
}

}  // namespace

ToyRun ToyRun::read(const Config& config) {
  const RunOptions folder = RunOptions::read(config, "toy");
  const auto landscape = std::make_shared<const NamedLandscape>(read_landscape(config));
  const auto workers = static_cast<int>(config.integer("workers.count", between(1, 65535), 4));
  const TrainingSchedule schedule = TrainingSchedule::read(config);
  const EnsembleOptions ensemble = read_ensemble(config, workers, folder.seed);
  constexpr double kSmallestRateInFloat = 1e-6;  // beside numbers of order 1 its steps are lost in rounding
  if (ensemble.precision == Precision::float32 && schedule.learning_rate.peak < kSmallestRateInFloat)
    config.fail("learning_rate.peak", "is too small for ensemble.precision = float32; take float64");
  const SlowRegime regime = regime_of_ensemble(config, schedule, ensemble);
  ToyRun run{folder, landscape, schedule, regime, ensemble};
  if (run.ensemble.shards > 1)
    run.run.part = "-shard-" + std::to_string(run.ensemble.shard) + "-of-" + std::to_string(run.ensemble.shards);
  run.times = read_times(config, regime.slow_time);
  const KnownObservables known =
      std::visit([](const auto& problem) { return names_of(observables_of(problem)); }, landscape->problem);
  run.names.observables = read_observables(config, known);
  read_histograms(config, known, run);
  run.closed_curve_bins = config.integer("record.histogram", between(0, 1000), 0);
  if (run.closed_curve_bins > 0) {
    require_closed_curve(config, *landscape, "record.histogram");
    std::visit(
        [&](const auto& problem) {
          const auto& closed = *problem.closed_curve;
          run.names.closed_curve = {closed.coordinate, closed.low, closed.period};
        },
        landscape->problem);
  }
  run.paths = config.integer("record.paths", at_least(0), 0);
  run.names.paths = run.paths > 0;
  run.save_every = config.number("checkpoint.seconds", at_least(0.0), 60.0);
  config.ignore(other_keys::kSde);
  return run;
}

void ToyRun::require_kernels() const {
  std::visit(
      [&]<class L>(const LandscapeProblem<L>&) {
        check_ensemble(ensemble, {.minibatch = FiniteSum<L>, .generic = Landscape<L>});
      },
      landscape->problem);
}

nlohmann::json ToyRun::describe(const Config& config) const {
  nlohmann::json about = describe_run(config, "toy", landscape->name, "measurement", regime);
  about["quantiles"] = "of the replicas' values rounded to 13 significant bits";
  if (ensemble.shards > 1) about["shard"] = {{"index", ensemble.shard}, {"count", ensemble.shards}};
  return about;
}

}  // namespace quasar
