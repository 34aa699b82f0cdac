#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/errors.h"
#include "core/estimate.h"
#include "core/interrupt.h"
#include "core/parallel_for.h"
#include "sde/noise_law.h"
#include "sde/talay_tubaro.h"

namespace quasar {

struct MultilevelOptions {
  double slow_time = 0.0;
  std::int64_t coarsest_steps = 16;  ///< of level 0; each level doubles them
  int levels = 4;
  double standard_error = 0.0;  ///< wanted, of the mean
  std::int64_t pilot = 200;     ///< paths of every level before its variance is known
  std::uint64_t seed = 0;
  int threads = 1;
};

/// One level of a multilevel estimate: f at its step, less f at twice its step (nothing on level 0).
struct MultilevelLevel {
  std::int64_t steps;
  RunningMoments difference;
  std::int64_t paths_that_left = 0;  ///< a retraction failed; not in the mean
};

struct MultilevelMean {
  Estimate mean;                   ///< of the finest level's scheme
  Estimate bias;                   ///< of weak order 1 left at the finest level: the last difference
  double cost = 0.0;               ///< Euler steps taken
  double single_level_cost = 0.0;  ///< Euler steps of independent paths at the finest step for the same standard error
  std::vector<MultilevelLevel> levels;
};

/// Mean of an observable by Euler's scheme on the finest of several levels, Brownian-coupled.   Giles 2008, Oper. Res. 56
///
///   E f_L = E f_0 + sum_l E (f_l - f_{l-1}),   N_l = s^{-2} sqrt(V_l / C_l) sum_k sqrt(V_k C_k)
///
/// where f_l takes coarsest_steps 2^l steps, both members of a pair are driven by the same normal noise (the sum of two
/// normal increments has the law of one of the coarse level, as no 2- or 3-point noise has), V_l is the variance of a
/// pair's difference and C_l its steps. Levels are independent: a level's draws have its number in their step.
///
/// coefficients, retraction, start   as for Euler
/// throws  ConfigError for options out of range; NumericalError if every path of a level's pilot fails; Interrupted
/// cost    returned; the result does not depend on the threads
template <int Dim, class Coefficients, class Retract, class Observable>
MultilevelMean multilevel_mean(const Coefficients& coefficients, const Retract& retraction, const Vec<Dim>& start,
                               const MultilevelOptions& options, const Observable& observable) {
  if (options.levels < 1 || options.levels > 20 || options.coarsest_steps < 1 || options.pilot < 2 ||
      !(options.standard_error > 0.0))
    throw ConfigError("multilevel: 1 to 20 levels, at least 1 step and 2 pilot paths, and a positive standard error");
  const auto steps_of = [&](int level) { return options.coarsest_steps << level; };
  const auto cost_of = [&](int level) {  // of one path or pair
    return static_cast<double>(steps_of(level) + (level > 0 ? steps_of(level - 1) : 0));
  };
  const auto sample = [&](int level, std::int64_t path) {
    const std::int64_t steps = steps_of(level);
    const double h = options.slow_time / static_cast<double>(steps);
    const auto noise = [&](std::int64_t step) {
      const std::int64_t named = (static_cast<std::int64_t>(level) << 40) + step;
      return draw_step_noise<Dim>(NoiseLaw::gaussian, options.seed, path, named, start.size());
    };
    CoupledPoints<Dim> points{start, start};
    if (level == 0) {
      for (std::int64_t step = 0; step < steps && points.converged; ++step) {
        const auto next = Euler{}(coefficients, retraction, points.fine, h, noise(step));
        points = {next.point, start, next.converged};
      }
      return std::pair(points.converged ? observable(points.fine) : 0.0, points.converged);
    }
    for (std::int64_t step = 0; step < steps && points.converged; step += 2)
      points = TalayTubaro{}(coefficients, retraction, points, 2.0 * h, noise(step), noise(step + 1));
    return std::pair(points.converged ? observable(points.fine) - observable(points.coarse) : 0.0, points.converged);
  };

  constexpr std::int64_t kPathsAtOnce = 4096;
  MultilevelMean result;
  std::vector<std::int64_t> next_path(static_cast<std::size_t>(options.levels), 0);
  const auto extend = [&](int level, std::int64_t paths) {
    auto& own = result.levels[static_cast<std::size_t>(level)];
    for (std::int64_t& path = next_path[static_cast<std::size_t>(level)]; path < paths;) {
      throw_if_interrupted();
      std::vector<std::pair<double, bool>> values(static_cast<std::size_t>(std::min(kPathsAtOnce, paths - path)));
      parallel_for(values.size(), 16, options.threads, [&, first = path](std::size_t i) {
        values[i] = sample(level, first + static_cast<std::int64_t>(i));
      });
      for (const auto& [value, converged] : values) {
        if (converged)
          own.difference.add(value);
        else
          ++own.paths_that_left;
      }
      path += static_cast<std::int64_t>(values.size());
      result.cost += cost_of(level) * static_cast<double>(values.size());
    }
  };
  for (int level = 0; level < options.levels; ++level) {
    result.levels.push_back({steps_of(level), {}, 0});
    extend(level, options.pilot);
    if (result.levels.back().difference.count() < 2)
      throw NumericalError("multilevel: the retraction fails on the paths of " + std::to_string(steps_of(level)) +
                           " steps");
  }
  double sum = 0.0;
  for (int level = 0; level < options.levels; ++level)
    sum += std::sqrt(result.levels[static_cast<std::size_t>(level)].difference.variance() * cost_of(level));
  for (int level = 0; level < options.levels; ++level) {
    const double variance = result.levels[static_cast<std::size_t>(level)].difference.variance();
    const double paths = std::sqrt(variance / cost_of(level)) * sum / (options.standard_error * options.standard_error);
    extend(level, static_cast<std::int64_t>(std::ceil(paths)));
  }

  double variance = 0.0;
  for (const MultilevelLevel& level : result.levels) {
    result.mean.mean += level.difference.mean();
    variance += level.difference.variance() / static_cast<double>(level.difference.count());
  }
  result.mean.standard_error = std::sqrt(variance);
  if (options.levels > 1) result.bias = result.levels.back().difference.estimate();
  // the variance of f itself hardly depends on the step: that of level 0
  result.single_level_cost =
      result.levels.front().difference.variance() / variance * static_cast<double>(steps_of(options.levels - 1));
  return result;
}

}  // namespace quasar
