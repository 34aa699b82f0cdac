#include "experiments/sde_options.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <thread>

namespace quasar {
namespace {

// How finely the recorded paths are drawn.
constexpr std::int64_t kPathPoints = 200;
constexpr double kMostRecords = 1e6, kMostSteps = 1e12;  // their product is a step's number

template <class Value>
using Names = std::vector<std::pair<std::string, Value>>;

const Names<PathScheme> kSchemes = {
    {"euler", PathScheme::euler}, {"platen", PathScheme::platen}, {"talay_tubaro", PathScheme::talay_tubaro}};
const Names<PathRetraction> kRetractions = {{"gradient_flow", PathRetraction::gradient_flow},
                                            {"newton", PathRetraction::newton},
                                            {"orthographic", PathRetraction::orthographic}};
const Names<NoiseLaw> kNoiseLaws = {
    {"gaussian", NoiseLaw::gaussian}, {"two_point", NoiseLaw::two_point}, {"three_point", NoiseLaw::three_point}};

const Names<PathEquation> kEquations = {{"slow_sde", PathEquation::slow_sde},
                                        {"limiting_diffusion", PathEquation::limiting_diffusion}};

/// The choice of a key; the first name is the default, if no other is.
template <class Value>
Value read_choice(const Config& config, const std::string& key, const Names<Value>& names,
                  const std::string& fallback = "") {
  std::vector<std::string> options;
  for (const auto& [name, value] : names) options.push_back(name);
  const std::string chosen = config.choice(key, options, fallback.empty() ? options.front() : fallback);
  return std::find_if(names.begin(), names.end(), [&](const auto& item) { return item.first == chosen; })->second;
}

template <class Value>
std::string name_of(const Names<Value>& names, Value value) {
  return std::find_if(names.begin(), names.end(), [&](const auto& item) { return item.second == value; })->first;
}

/// The steps nearest to record.times, or 0 and record.points equal parts of the run.
std::vector<std::int64_t> record_steps(const Config& config, double slow_time, std::int64_t steps) {
  std::vector<std::int64_t> result;
  config.forget_replaced("record.times", {"record.points"});
  config.forget_replaced("record.points", {"record.times"});
  if (config.has("record.times")) {
    if (config.has("record.points")) config.fail("record.times", "and record.points exclude each other; give one");
    const auto times = config.numbers("record.times", between(0.0, slow_time));
    for (const double time : times) result.push_back(std::llround(time / slow_time * static_cast<double>(steps)));
    return result;
  }
  const std::int64_t points = config.integer("record.points", between(1, kMostRecords), 10);
  for (std::int64_t point = 0; point <= points; ++point) result.push_back(steps * point / points);
  return result;
}

std::vector<SdeStop> stops_of(const std::vector<std::int64_t>& observed, std::int64_t recorded_paths) {
  std::map<std::int64_t, SdeStop> stops;
  for (const std::int64_t step : observed) stops[step] = {step, true, recorded_paths > 0};
  const std::int64_t last = stops.rbegin()->first, points = std::min(kPathPoints, last);
  for (std::int64_t point = 0; recorded_paths > 0 && point < points; ++point)
    stops.insert({last * point / points, {last * point / points, false, true}});
  std::vector<SdeStop> result;
  for (const auto& [step, stop] : stops) result.push_back(stop);
  return result;
}

void read_limiting_diffusion(const Config& config, const SlowRegime& regime) {
  if (regime.name != "sgd")
    config.fail("sde.equation", "is that of SGD, which averages at every step; sync.rule = '" + regime.name +
                                    "' has H = " + std::to_string(regime.sync_period) +
                                    " (take sync.rule = constant and sync.period = 1, or sde.equation = slow_sde)");
  if (config.has("sde.weights"))
    config.fail("sde.weights", "weighs the drift of sde.equation = slow_sde; limiting_diffusion has none");
}

/// What of the options Adam's slow dynamics needs; which schemes and weights it has.
void read_adam(const Config& config, const SlowRegime& regime, const SdeOptions& options, PathOptions& paths) {
  if (paths.equation != PathEquation::slow_sde)
    config.fail("sde.equation", "is that of SGD; optimizer.name = adam has sde.equation = slow_sde only");
  if (options.weights == "psi_disc")
    config.fail("sde.weights", "is of SGD's steps; optimizer.name = adam has psi or limit");
  if (paths.scheme != PathScheme::euler)
    config.fail("sde.scheme", "is not made for optimizer.name = adam, whose second moments move too: take euler");
  if (paths.retraction != PathRetraction::newton)
    config.fail("sde.retraction", "is not in Adam's own metric; optimizer.name = adam needs newton");
  const double beta2 = config.number("optimizer.beta2", between(0.0, 1.0), 0.999);
  if (beta2 == 1.0) config.fail("optimizer.beta2", "must be below 1");
  config.ignore({"optimizer.beta1"});  // the slow dynamics does not depend on it
  paths.equation = PathEquation::adam;
  paths.adam_averaging_rate = (1.0 - beta2) / (regime.learning_rate * regime.learning_rate);
  paths.adam_epsilon = config.number("optimizer.epsilon", at_least(0.0), 1e-8);
}

MultilevelOptions read_multilevel(const Config& config, const SlowRegime& regime, const SdeOptions& options) {
  const std::vector<std::string> of_paths = {"sde.paths", "record.times", "record.points", "record.paths"};
  config.forget_replaced("sde.estimator", of_paths);
  for (const auto& key : of_paths)
    if (config.has(key))
      config.fail(key, "is not for sde.estimator = multilevel, which finds means at the end to sde.standard_error");
  if (options.paths.scheme != PathScheme::euler)
    config.fail("sde.scheme", "must be euler for sde.estimator = multilevel");
  if (options.paths.noise_law != NoiseLaw::gaussian)
    config.fail("sde.noise", "must be gaussian for sde.estimator = multilevel: no other law adds up over the levels");
  if (options.paths.equation == PathEquation::adam)
    config.fail("sde.estimator", "multilevel is not made for optimizer.name = adam");
  MultilevelOptions multilevel;
  multilevel.slow_time = regime.slow_time;
  multilevel.levels = static_cast<int>(config.integer("sde.levels", between(1, 20), 4));
  const std::int64_t ratio = std::int64_t{1} << (multilevel.levels - 1);
  if (options.steps % ratio != 0)
    config.fail("sde.steps", "are the finest level's, which sde.levels = " + std::to_string(multilevel.levels) +
                                 " halves to " + std::to_string(ratio) + " times fewer; take a multiple of that");
  multilevel.coarsest_steps = options.steps / ratio;
  multilevel.standard_error = config.number("sde.standard_error", positive());
  multilevel.pilot = config.integer("sde.pilot", between(2, 1e9), 200);
  multilevel.seed = options.paths.seed;
  multilevel.threads = options.paths.threads;
  return multilevel;
}

}  // namespace

bool is_adam(const Config& config) {
  const bool adam = config.choice("optimizer.name", {"sgd", "adam"}, std::string("sgd")) == "adam";
  config.forget_replaced("optimizer.name",
                         {"optimizer.momentum", "optimizer.beta1", "optimizer.beta2", "optimizer.epsilon"});
  return adam;
}

SdeOptions SdeOptions::read(const Config& config, const SlowRegime& regime, std::uint64_t seed) {
  SdeOptions options;
  options.steps = config.integer("sde.steps", between(1, kMostSteps), 200);
  options.paths.seed = seed;
  options.paths.time_step = regime.slow_time / static_cast<double>(options.steps);
  options.max_bad_fraction = config.number("sde.max_bad_fraction", between(0.0, 1.0), 0.01);
  options.paths.scheme = read_choice(config, "sde.scheme", kSchemes);
  const bool adam = is_adam(config);
  options.paths.retraction = read_choice(config, "sde.retraction", kRetractions, adam ? "newton" : "");
  options.paths.noise_law = read_choice(config, "sde.noise", kNoiseLaws);
  const int order = weak_order_of(options.paths.scheme), allowed = highest_weak_order(options.paths.noise_law);
  if (order > allowed)
    config.fail("sde.noise", "leaves sde.scheme = " + name_of(kSchemes, options.paths.scheme) + " at weak order " +
                                 std::to_string(allowed) + "; use three_point or gaussian");
  options.paths.equation = read_choice(config, "sde.equation", kEquations);
  if (options.paths.equation == PathEquation::limiting_diffusion) read_limiting_diffusion(config, regime);
  options.weights = options.paths.equation == PathEquation::limiting_diffusion
                        ? "limit"
                        : config.choice("sde.weights", {"psi", "limit", "psi_disc"}, std::string("psi"));
  if (adam) read_adam(config, regime, options, options.paths);
  const auto cores = static_cast<std::int64_t>(std::max(1u, std::thread::hardware_concurrency()));
  options.paths.threads = static_cast<int>(config.integer("sde.threads", between(1, 4096), cores));
  options.save_seconds = config.number("checkpoint.seconds", at_least(0.0), 60.0);
  if (config.has("sde.start")) options.start = config.numbers("sde.start", any_number());
  config.forget_replaced("sde.estimator", {"sde.levels", "sde.standard_error", "sde.pilot"});
  if (config.choice("sde.estimator", {"independent", "multilevel"}, std::string("independent")) == "multilevel") {
    options.multilevel = read_multilevel(config, regime, options);
    return options;
  }
  options.paths.paths = config.integer("sde.paths", between(1, 4294967295.0), 1000);
  options.recorded_paths = std::min(config.integer("record.paths", at_least(0), 16), options.paths.paths);
  options.stops = stops_of(record_steps(config, regime.slow_time, options.steps), options.recorded_paths);
  return options;
}

nlohmann::json SdeOptions::describe() const {
  const bool two_levels = paths.scheme == PathScheme::talay_tubaro;
  const bool adam = paths.equation == PathEquation::adam;
  nlohmann::json about = {{"equation", adam ? "adam" : name_of(kEquations, paths.equation)},
                          {"scheme", name_of(kSchemes, paths.scheme)},
                          {"weak_order", weak_order_of(paths.scheme)},
                          {"retraction", name_of(kRetractions, paths.retraction)},
                          {"noise", name_of(kNoiseLaws, paths.noise_law)},
                          {"steps", steps},
                          {"time_step", paths.time_step}};
  if (adam) {
    about["averaging_rate"] = paths.adam_averaging_rate;
    about["epsilon"] = paths.adam_epsilon;
  }
  if (multilevel) {
    about["levels"] = multilevel->levels;
    about["coarsest_steps"] = multilevel->coarsest_steps;
    about["mean_and_se_of"] = "the sum of the levels";
    about["sd_of"] = "the paths of the coarsest level";
    return about;
  }
  about.update({{"paths", paths.paths},
                {"mean_and_se_of", two_levels ? "2 f(fine) - f(coarse) of the pairs of paths" : "the paths"},
                {"sd_and_quantiles_of", two_levels ? "the fine paths, of half the time step" : "the paths"}});
  return about;
}

}  // namespace quasar
