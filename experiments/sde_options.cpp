#include "experiments/sde_options.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <thread>

namespace quasar {
namespace {

// How finely the recorded paths are drawn.
constexpr std::int64_t kPathPoints = 200;

template <class Value>
using Names = std::vector<std::pair<std::string, Value>>;

const Names<PathScheme> kSchemes = {
    {"euler", PathScheme::euler}, {"platen", PathScheme::platen}, {"talay_tubaro", PathScheme::talay_tubaro}};
const Names<PathRetraction> kRetractions = {{"gradient_flow", PathRetraction::gradient_flow},
                                            {"newton", PathRetraction::newton},
                                            {"orthographic", PathRetraction::orthographic}};
const Names<NoiseLaw> kNoiseLaws = {
    {"gaussian", NoiseLaw::gaussian}, {"two_point", NoiseLaw::two_point}, {"three_point", NoiseLaw::three_point}};

/// The choice of a key; the first name is the default.
template <class Value>
Value read_choice(const Config& config, const std::string& key, const Names<Value>& names) {
  std::vector<std::string> options;
  for (const auto& [name, value] : names) options.push_back(name);
  const std::string chosen = config.choice(key, options, options.front());
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
    if (times.empty()) config.fail("record.times", "must name at least one slow time");
    for (const double time : times) result.push_back(std::llround(time / slow_time * static_cast<double>(steps)));
    return result;
  }
  const std::int64_t points = config.integer("record.points", at_least(1), 10);
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

}  // namespace

SdeOptions SdeOptions::read(const Config& config, const SlowRegime& regime, std::uint64_t seed) {
  SdeOptions options;
  options.steps = config.integer("sde.steps", at_least(1), 200);
  options.paths.paths = config.integer("sde.paths", between(1, 4294967295.0), 1000);
  options.paths.seed = seed;
  options.paths.time_step = regime.slow_time / static_cast<double>(options.steps);
  options.max_bad_fraction = config.number("sde.max_bad_fraction", between(0.0, 1.0), 0.01);
  options.paths.scheme = read_choice(config, "sde.scheme", kSchemes);
  options.paths.retraction = read_choice(config, "sde.retraction", kRetractions);
  options.paths.noise_law = read_choice(config, "sde.noise", kNoiseLaws);
  const int order = weak_order_of(options.paths.scheme), allowed = highest_weak_order(options.paths.noise_law);
  if (order > allowed)
    config.fail("sde.noise", "leaves sde.scheme = " + name_of(kSchemes, options.paths.scheme) + " at weak order " +
                                 std::to_string(allowed) + "; use three_point or gaussian");
  const auto cores = static_cast<std::int64_t>(std::max(1u, std::thread::hardware_concurrency()));
  options.paths.threads = static_cast<int>(config.integer("sde.threads", between(1, 4096), cores));
  if (config.has("sde.start")) options.start = config.numbers("sde.start", any_number());
  options.recorded_paths = std::min(config.integer("record.paths", at_least(0), 16), options.paths.paths);
  options.stops = stops_of(record_steps(config, regime.slow_time, options.steps), options.recorded_paths);
  return options;
}

nlohmann::json SdeOptions::describe() const {
  const bool two_levels = paths.scheme == PathScheme::talay_tubaro;
  return {{"scheme", name_of(kSchemes, paths.scheme)},
          {"weak_order", weak_order_of(paths.scheme)},
          {"retraction", name_of(kRetractions, paths.retraction)},
          {"noise", name_of(kNoiseLaws, paths.noise_law)},
          {"steps", steps},
          {"time_step", paths.time_step},
          {"paths", paths.paths},
          {"mean_and_se_of", two_levels ? "2 f(fine) - f(coarse) of the pairs of paths" : "the paths"},
          {"sd_and_quantiles_of", two_levels ? "the fine paths, of half the time step" : "the paths"}};
}

}  // namespace quasar
