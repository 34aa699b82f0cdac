// quasar convex: Stich's Local SGD on logistic regression or ridge, gradients and rounds to epsilon against K and H.

#include "experiments/convex.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "core/errors.h"
#include "core/interrupt.h"
#include "core/libsvm.h"
#include "core/parallel_for.h"
#include "core/progress.h"
#include "distributed/data/find_data.h"
#include "experiments/question_text.h"
#include "experiments/run_folder.h"
#include "toy_models/convex_local_sgd.h"

namespace quasar {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

/// What is run on a problem.
struct ConvexGrid {
  std::vector<std::int64_t> workers, periods;
  std::vector<double> shifts;  ///< in addition to the theorem's
  int local_batch_size;
  bool asynchronous;
  WriteDelay delay;
  double epsilon;
  std::int64_t max_gradients;
  int threads;
};

ConvexGrid read_grid(const Config& config) {
  ConvexGrid grid;
  grid.workers = config.integers("workers.counts", between(1, 65536), std::vector<std::int64_t>{1, 4, 16, 64});
  grid.periods = config.integers("sync.periods", between(1, 1e9), std::vector<std::int64_t>{1, 4, 16});
  grid.shifts = config.numbers("learning_rate.shifts", at_least(4.0), std::vector<double>{});
  grid.local_batch_size = static_cast<int>(config.integer("batch.local_size", between(1, 1 << 20), 1));
  grid.asynchronous = config.boolean("convex.asynchronous", false);
  const std::string delay = config.choice("convex.delay", {"none", "constant", "uniform"}, std::string("constant"));
  grid.delay = delay == "none" ? WriteDelay::none : delay == "constant" ? WriteDelay::constant : WriteDelay::uniform;
  grid.epsilon = config.number("convex.epsilon", positive(), 1e-3);
  grid.max_gradients = config.integer("convex.max_gradients", between(1, 1e15), 2'000'000);
  const auto cores = static_cast<std::int64_t>(std::max(1u, std::thread::hardware_concurrency()));
  grid.threads = static_cast<int>(config.integer("ensemble.threads", between(1, 4096), cores));
  if (delay != "constant" && !grid.asynchronous)
    config.fail("convex.delay", "is of the asynchronous algorithm; give convex.asynchronous = true");
  return grid;
}

fs::path find_rows(const Config& config) {
  if (config.has("data.file")) {
    if (config.has("data.name")) config.fail("data.file", "contradicts data.name; give one");
    return config.text("data.file");
  }
  const std::string name = config.choice("data.name", libsvm_sets());
  const auto folder = find_dataset(name, config.text("data.root", ""), Download::never);
  if (!folder)
    throw DataError(
        "data.name = " + name +
        ": was not found in $QUASAR_DATA nor the cache; take it from LIBSVM's page and name it in data.file");
  return *folder / name;
}

/// Two different labels become -1 and 1.
Eigen::VectorXd signs_of(const Eigen::VectorXd& labels, const fs::path& file) {
  const std::set<double> values(labels.begin(), labels.end());
  if (values.size() != 2)
    throw DataError(file.string() + ": has " + std::to_string(values.size()) +
                    " different labels; logistic regression needs two (convex.loss = ridge takes any)");
  return (labels.array() == *values.rbegin()).select(Eigen::VectorXd::Ones(labels.size()), -1.0);
}

struct ConvexKeys {
  ConvexLoss::Kind kind;
  bool dense;
  std::optional<double> regularization;  ///< 1/n without
};

ConvexKeys read_loss(const Config& config) {
  ConvexKeys keys;
  const bool ridge = config.choice("convex.loss", {"logistic", "ridge"}, std::string("logistic")) == "ridge";
  keys.kind = ridge ? ConvexLoss::Kind::ridge : ConvexLoss::Kind::logistic;
  keys.dense = config.choice("convex.storage", {"sparse", "dense"}, std::string("sparse")) == "dense";
  if (config.has("convex.regularization")) keys.regularization = config.number("convex.regularization", positive());
  return keys;
}

ConvexLoss load_loss(const ConvexKeys& keys, const fs::path& file) {
  const LabelledRows rows = read_libsvm(file);
  const Eigen::VectorXd labels = keys.kind == ConvexLoss::Kind::logistic ? signs_of(rows.labels, file) : rows.labels;
  const double regularization = keys.regularization.value_or(1.0 / static_cast<double>(labels.size()));
  if (keys.dense) return {ConvexLoss::Dense(rows.features), labels, keys.kind, regularization};
  return {rows.features, labels, keys.kind, regularization};
}

/// What one run of the grid left behind.
struct ConvexTrace {
  std::vector<json> points;
  json summary;
};

/// Trains until the average's gap is below epsilon or the gradients are used up; looks at it every tenth more steps.
ConvexTrace trace_run(const ConvexLoss& loss, const ConvexOptimum& optimum, const ConvexGrid& grid,
                      const ConvexMethod& method, bool theory) {
  ConvexLocalSgd run(loss, method);
  ConvexTrace trace;
  ConvexBoundInputs seen{optimum.x.squaredNorm(), 0.0, 0.0};
  const json name = {{"num_workers", method.num_workers},
                     {"sync_period", method.sync_period},
                     {"shift", method.shift},
                     {"theory", theory}};
  std::optional<double> steps_to_epsilon;
  double last_step = 0.0, last_gap = 0.0;
  while (true) {
    const Eigen::VectorXd& x = run.iterate();
    const double mean = loss.gradient(x).squaredNorm();
    const double variance = std::max(0.0, loss.mean_square_gradient(x) - mean) / method.local_batch_size;
    seen.gradient_variance = std::max(seen.gradient_variance, variance);
    seen.gradient_square = std::max(seen.gradient_square, mean + variance);
    const double gap = loss.value(run.average()) - optimum.value, step = static_cast<double>(run.step());
    json point = name;
    point.update({{"step", run.step()},
                  {"gradients", run.gradients()},
                  {"rounds", run.rounds()},
                  {"gap", gap},
                  {"gap_of_iterate", loss.value(x) - optimum.value}});
    if (theory && run.step() > 0 && !method.asynchronous) point["bound"] = stich_bound(loss, method, run.step(), seen);
    trace.points.push_back(std::move(point));
    if (!std::isfinite(gap)) break;  // steps that are too long; a result like any other
    if (gap <= grid.epsilon) {
      // The gap is a power of the steps between two looks.
      const double share = run.step() == 0 || last_step == 0.0
                               ? 1.0
                               : std::log(last_gap / grid.epsilon) / std::log(last_gap / std::max(gap, 1e-300));
      steps_to_epsilon = last_step == 0.0 ? step : last_step * std::pow(step / last_step, share);
      break;
    }
    if (run.gradients() >= grid.max_gradients) break;
    last_step = step;
    last_gap = gap;
    do {
      throw_if_interrupted();
      run.advance();
    } while (run.gradients() < grid.max_gradients && static_cast<double>(run.step()) < 1.1 * step);
  }
  trace.summary = trace.points.back();
  trace.summary["steps_to_epsilon"] = steps_to_epsilon ? json(*steps_to_epsilon) : json();
  return trace;
}

std::vector<ConvexMethod> methods_of(const ConvexLoss& loss, const ConvexGrid& grid, std::uint64_t seed) {
  std::vector<ConvexMethod> methods;
  for (const std::int64_t workers : grid.workers)
    for (const std::int64_t period : grid.periods) {
      std::vector<double> shifts = grid.shifts;
      shifts.push_back(stich_shift(loss, period));
      for (const double shift : shifts)
        methods.push_back({.num_workers = static_cast<int>(workers),
                           .sync_period = period,
                           .local_batch_size = grid.local_batch_size,
                           .shift = shift,
                           .seed = seed,
                           .asynchronous = grid.asynchronous,
                           .delay = grid.delay});
    }
  return methods;
}

void run_grid(const ConvexLoss& loss, const ConvexGrid& grid, std::uint64_t seed, Recorder& recorder) {
  const ConvexOptimum optimum = minimize(loss);
  recorder.describe("convex", {{"samples", loss.num_samples()},
                               {"features", loss.dim()},
                               {"strong_convexity", loss.strong_convexity()},
                               {"smoothness", loss.smoothness()},
                               {"minimum", optimum.value},
                               {"minimum_is_certain_to", optimum.gap},
                               {"value_at_start", loss.value(Eigen::VectorXd::Zero(loss.dim()))},
                               {"local_batch_size", grid.local_batch_size},
                               {"epsilon", grid.epsilon}});
  const auto methods = methods_of(loss, grid, seed);
  std::vector<ConvexTrace> traces(methods.size());
  Progress progress("convex", static_cast<double>(methods.size()), "runs");
  std::mutex said;
  double done = 0.0;
  parallel_for(methods.size(), 1, grid.threads, [&](std::size_t i) {
    const bool theory = methods[i].shift == stich_shift(loss, methods[i].sync_period);
    traces[i] = trace_run(loss, optimum, grid, methods[i], theory);
    const std::scoped_lock lock(said);
    progress.update(++done);
  });
  for (const auto& trace : traces) {
    for (const auto& point : trace.points) recorder.record("observables", point);
    recorder.record("runs", trace.summary);
  }
}

}  // namespace

FinishedRun run_convex(const Config& config, bool dry_run) {
  const RunOptions run = RunOptions::read(config, "convex");
  const ConvexKeys keys = read_loss(config);
  const ConvexGrid grid = read_grid(config);
  const fs::path file = find_rows(config);
  config.finish();
  const std::string regime = grid.asynchronous ? "asynchronous" : "synchronous";
  const json about = {{"command", "convex"},
                      {"system", file.filename().string()},
                      {"kind", "measurement"},
                      {"regime", regime},
                      {"num_workers", grid.workers.back()},
                      {"learning_rate", 0.0},  // it decreases
                      {"sync_period", grid.periods.back()},
                      {"system_id", config.hash_of({"data", "convex.loss", "convex.regularization"})},
                      {"experiment_id", config.hash()}};
  return run_in_folder(config, run, about, dry_run,
                       [&](Recorder& recorder) { run_grid(load_loss(keys, file), grid, run.seed, recorder); });
}

void convex_command(const RunArguments& arguments) {
  const Config config = Config::from_file(arguments.file, arguments.overrides);
  const FinishedRun run = run_convex(config, arguments.dry_run);
  if (arguments.dry_run) return;
  std::printf("     K      H          a   steps to epsilon  gap at the end\n");
  for (const json& record : read_series(run.folder, "runs")) {
    const json& steps = record.at("steps_to_epsilon");
    const json& gap = record.at("gap");
    std::printf("%6d %6d %10.4g %18s  %s\n", record.at("num_workers").get<int>(), record.at("sync_period").get<int>(),
                record.at("shift").get<double>(),
                steps.is_null() ? "not reached" : std::to_string(std::llround(steps.get<double>())).c_str(),
                gap.is_null() ? "diverged" : print("%.3e", gap).c_str());
  }
  std::printf("results: %s\n", run.folder.c_str());
}

}  // namespace quasar
