#include "experiments/drift_multiplier.h"

#include <cmath>

#include "core/errors.h"
#include "experiments/landscapes.h"
#include "experiments/question_text.h"
#include "sde/slow_coefficients.h"

namespace quasar {
namespace {

using nlohmann::json;

/// What a measured run is compared with: the Slow SDE's drift at its start, where small noise keeps it.
struct Prediction {
  double sgd_drift;  ///< of the observable per unit slow time, in the limit eta -> 0
  double eigenvalue;
  double learning_rate;
  int num_workers;

  /// The drift under these weights in units of SGD's.
  double multiplier(const DriftWeights& weights) const { return weights(eigenvalue, eigenvalue); }
  double finite(std::int64_t period) const {
    return multiplier({drift_weights::FiniteStep{learning_rate, period}, num_workers});
  }
  /// What the discrete steps add for every H alike: 1/(1 - eta lambda/2).
  double common_factor() const { return finite(1); }
  double psi_disc(std::int64_t period) const { return finite(period) / common_factor(); }
  double psi(double period) const { return multiplier({drift_weights::LocalSgd{learning_rate * period}, num_workers}); }
};

Prediction predict(const Part& part) {
  const Config config = Config::from_file(part.folder / "config.toml");
  const NamedLandscape landscape = read_landscape(config);
  const auto* valley = std::get_if<LandscapeProblem<Valley>>(&landscape.problem);
  if (valley == nullptr)
    throw DataError("'" + part.folder.string() + "' is not of the landscape valley, which this question is about");
  const Mat<2> noise = valley->landscape.covariance(valley->start);
  const auto slow = slow_coefficients(valley->landscape, noise, valley->start, {drift_weights::Sgd{}, 1});
  return {slow.drift[1], valley->landscape.hessian(valley->start)(0, 0), part.learning_rate, part.num_workers};
}

json multiplier_row(const Part& part, const Prediction& prediction) {
  const double time = part.last_slow_time();
  const Estimate start = *part.at("y", 0.0), end = *part.at("y", time);
  const double unit = prediction.sgd_drift * time * prediction.common_factor();
  const double measured = (end.mean - start.mean) / unit, error = end.standard_error / std::abs(unit);
  return {{"row", "multiplier"},
          {"panel", part.panel},
          {"learning_rate", part.learning_rate},
          {"num_workers", part.num_workers},
          {"sync_period", part.sync_period},
          {"rounds", part.records.back().at("round")},
          {"measured", measured},
          {"se", error},
          {"psi_disc", prediction.psi_disc(part.sync_period)},
          {"psi", prediction.psi(static_cast<double>(part.sync_period))},
          {"difference_in_se", (measured - prediction.psi_disc(part.sync_period)) / error}};
}

/// Both multipliers from H = 1 to the longest round, on a logarithmic grid of whole H.
json curve_row(const Prediction& prediction, std::int64_t longest) {
  constexpr int kPoints = 200;
  json periods = json::array(), disc = json::array(), continuous = json::array();
  std::int64_t before = 0;
  for (int i = 0; i <= kPoints; ++i) {
    const auto period = std::llround(std::pow(static_cast<double>(longest), static_cast<double>(i) / kPoints));
    if (period == before) continue;
    before = period;
    periods.push_back(period);
    disc.push_back(prediction.psi_disc(period));
    continuous.push_back(prediction.psi(static_cast<double>(period)));
  }
  return {{"row", "curve"},
          {"eigenvalue", prediction.eigenvalue},
          {"learning_rate", prediction.learning_rate},
          {"num_workers", prediction.num_workers},
          {"sync_period", periods},
          {"psi_disc", disc},
          {"psi", continuous}};
}

/// Chi-square of a theory of the multiplier over all the measured runs, which are independent.
json agreement_row(const std::vector<json>& measured, const std::string& theory,
                   const std::function<double(const json&)>& predicted) {
  double chi_square = 0.0, worst = 0.0;
  for (const auto& row : measured) {
    const double pull = (row.at("measured").get<double>() - predicted(row)) / row.at("se").get<double>();
    chi_square += pull * pull;
    worst = std::max(worst, std::abs(pull));
  }
  return {{"row", "agreement"},
          {"theory", theory},
          {"chi_square", chi_square},
          {"degrees_of_freedom", measured.size()},
          {"p_value", chi_square_p_value(chi_square, static_cast<double>(measured.size()))},
          {"largest_difference_in_se", worst}};
}

}  // namespace

std::vector<PartRun> drift_multiplier_parts(const Config& config, const RunOptions& run) {
  const auto workers = config.integer("workers.count", at_least(2), 4);
  const double eta = config.number("drift_multiplier.learning_rate", positive());
  const auto steps = config.integer("drift_multiplier.steps", at_least(1));
  const auto periods = config.integers("drift_multiplier.periods", at_least(1));
  const auto replicas = config.integer("drift_multiplier.replicas", at_least(2));
  const double noise = config.number("drift_multiplier.noise_scale", positive(), 0.01);
  const double start = config.number("drift_multiplier.start", any_number(), 0.0);
  std::vector<PartRun> parts;
  for (const auto period : periods) {
    if (steps % period != 0)
      config.fail("drift_multiplier.periods", std::to_string(period) + " does not divide drift_multiplier.steps = " +
                                                  std::to_string(steps) + "; the last round would be shorter");
    const std::string settings = independent_part(run, "drift_multiplier-toy", parts.size())
                                     .set("landscape.name", "valley")
                                     .set("landscape.start", start)
                                     .set("landscape.noise_scale", noise)
                                     .set("workers.count", workers)
                                     .set("learning_rate.peak", eta)
                                     .set("training.steps", steps)
                                     .set("sync.rule", "constant")
                                     .set("sync.period", period)
                                     .set("ensemble.replicas", replicas)
                                     .set("record.points", 1)
                                     .text();
    parts.push_back({"valley", "H = " + std::to_string(period), "toy", settings});
  }
  return parts;
}

std::vector<json> drift_multiplier_rows(const std::vector<Part>& parts) {
  std::vector<json> rows;
  std::int64_t longest = 1;
  for (const Part& part : parts) {
    rows.push_back(multiplier_row(part, predict(part)));
    longest = std::max(longest, part.sync_period);
  }
  const std::vector<json> measured = rows;
  rows.push_back(curve_row(predict(parts.front()), longest));
  const auto named = [](const char* name) { return [name](const json& row) { return row.at(name).get<double>(); }; };
  const auto fewer_workers = [](const json& row) {
    const double workers = row.at("num_workers");
    return 1.0 + (row.at("psi_disc").get<double>() - 1.0) * (workers - 2.0) / (workers - 1.0);
  };
  rows.push_back(agreement_row(measured, "1 + (K-1) psi_disc", named("psi_disc")));
  rows.push_back(agreement_row(measured, "1 + (K-1) psi", named("psi")));
  rows.push_back(agreement_row(measured, "1 + (K-2) psi_disc", fewer_workers));
  return rows;
}

std::string drift_multiplier_table(const std::vector<json>& rows) {
  std::string text =
      "| H | rounds | measured multiplier ± s.e. | 1 + (K-1) ψ_disc | difference / s.e. | 1 + (K-1) ψ |\n"
      "|---|---|---|---|---|---|\n";
  std::string agreement =
      "\n| theory | χ² | degrees of freedom | p | largest difference / s.e. |\n|---|---|---|---|---|\n";
  for (const auto& row : rows) {
    if (row.at("row") == "multiplier")
      text += "| " + print("%.0f", row.at("sync_period")) + " | " + print("%.0f", row.at("rounds")) + " | " +
              print("%.5f", row.at("measured")) + " ± " + print("%.5f", row.at("se")) + " | " +
              print("%.5f", row.at("psi_disc")) + " | " + print("%+.1f", row.at("difference_in_se")) + " | " +
              print("%.5f", row.at("psi")) + " |\n";
    if (row.at("row") == "agreement")
      agreement += "| " + row.at("theory").get<std::string>() + " | " + print("%.4g", row.at("chi_square")) + " | " +
                   print("%.0f", row.at("degrees_of_freedom")) + " | " + print("%.2g", row.at("p_value")) + " | " +
                   print("%.1f", row.at("largest_difference_in_se")) + " |\n";
  }
  return "## Drift along the valley in units of SGD's, (y(T) - y(0)) (1 - ηλ/2) / (-s² T/4)\n\n" + text + agreement +
         "\nThe factor 1 - ηλ/2 is exact for small noise, as is ψ_disc; what is left is 1/(4 steps) of the "
         "multiplier.\n";
}

}  // namespace quasar
