#include "experiments/weak_error.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "experiments/question_text.h"

namespace quasar {
namespace {

using nlohmann::json;

constexpr double kLargestShareOfNoise = 1.0 / 3.0;  // of the error, for a slope to be fitted
constexpr double kNormal95 = 1.959964;

/// H = round_time/eta as a whole number that divides the run.
std::int64_t whole_period(const Config& config, const std::string& key, double round_time, double eta,
                          double slow_time) {
  const double period = round_time / eta, rounds = slow_time / (eta * round_time);
  const auto is_whole = [](double x) { return x > 0.5 && std::abs(x - std::round(x)) < 1e-6 * x; };
  if (!is_whole(period) || !is_whole(rounds))
    config.fail(key, "gives " + print("%g", period) + " steps a round and " + print("%g", rounds) +
                         " rounds at eta = " + print("%g", eta) + "; both must be whole numbers");
  return std::llround(period);
}

/// The three regimes at every learning rate of one landscape, each as a Slow SDE and as an ensemble.
void add_landscape(const Config& config, const RunOptions& run, std::int64_t workers, const std::string& landscape,
                   std::vector<PartRun>& parts) {
  const auto key = [&](const char* name) { return landscape + "." + name; };
  const double slow_time = config.number(key("slow_time"), positive());
  const auto rates = config.numbers(key("learning_rates"), positive());
  const std::map<std::string, double> round_times = {{"inverse", config.number(key("beta"), positive())},
                                                     {"qsr", config.number(key("qsr_round_time"), positive())}};
  Settings place;
  place.set("landscape.name", landscape);
  if (landscape == "circle") place.set("landscape.stiffness", config.number(key("stiffness"), positive(), 4.0));
  place.set("landscape.start", config.number(key("start"), any_number(), landscape == "circle" ? 0.6 : 1.0));
  for (const std::string regime : {"sgd", "inverse", "qsr"}) {
    const std::string replicas_key = key(regime == "sgd" ? "sgd_replicas" : "replicas");
    const auto replicas = config.integers(replicas_key, at_least(2));
    if (replicas.size() != rates.size())
      config.fail(replicas_key, "must have one number for each of the " + std::to_string(rates.size()) +
                                    " numbers of " + key("learning_rates"));
    for (std::size_t i = 0; i < rates.size(); ++i) {
      Settings schedule;
      schedule.set("learning_rate.peak", rates[i]).set("training.slow_time", slow_time).set("record.points", 1);
      // with H = 1 the average of K workers is one worker with the whole batch's noise, step by step
      schedule.set("workers.count", regime == "sgd" ? 1 : workers);
      if (regime == "sgd") {
        schedule.set("sync.rule", "constant").set("sync.period", 1);
      } else {
        const std::string round_key = key(regime == "inverse" ? "beta" : "qsr_round_time");
        const auto period =
            static_cast<double>(whole_period(config, round_key, round_times.at(regime), rates[i], slow_time));
        constexpr double kAboveTheFloor = 1.0 + 1e-9;
        if (regime == "inverse")
          schedule.set("sync.rule", "inverse").set("sync.beta", rates[i] * period * kAboveTheFloor);
        else
          schedule.set("sync.rule", "qsr").set("sync.alpha", rates[i] * std::sqrt(period) * kAboveTheFloor);
      }
      const std::string common = place.text() + schedule.text(), name = "weak_error-" + landscape + "-" + regime;
      for (const std::string weights : {"psi", "limit"})
        if (weights == "psi" || regime == "qsr")
          parts.push_back({landscape, regime, "sde",
                           part_settings(run, name + "-theory")
                               .with_rest_of(common)
                               .set("sde.solver", "backward_equation")
                               .set("sde.weights", weights)
                               .text()});
      parts.push_back({landscape, regime, "toy",
                       independent_part(run, name + "-toy", parts.size())
                           .with_rest_of(common)
                           .set("ensemble.replicas", replicas[i])
                           .text()});
    }
  }
}

const Part* theory_of(const std::vector<Part>& parts, const Part& measured, const std::string& weights) {
  for (const Part& part : parts)
    if (part.is_theory() && part.panel == measured.panel && part.experiment_id == measured.experiment_id &&
        part.weights == weights)
      return &part;
  return nullptr;
}

json error_row(const std::vector<Part>& parts, const Part& measured, const std::string& observable) {
  const double time = measured.last_slow_time(), eta = measured.learning_rate;
  const Part* theory = theory_of(parts, measured, "psi");
  const auto value = measured.at(observable, time);
  const auto predicted = theory ? theory->at(observable, time) : std::nullopt;
  if (!value || !predicted) return nullptr;
  const double error = value->mean - predicted->mean;
  json row = {{"row", "error"},
              {"panel", measured.panel},
              {"observable", observable},
              {"regime", measured.regime},
              {"learning_rate", eta},
              {"sync_period", measured.sync_period},
              {"round_time", eta * static_cast<double>(measured.sync_period)},
              {"size", measured.regime == "qsr" ? eta * eta * static_cast<double>(measured.sync_period) : eta},
              {"slow_time", time},
              {"predicted", predicted->mean},
              {"measured", value->mean},
              {"error", error},
              {"se", value->standard_error},
              {"replicas", measured.records.back().at("observables").at(observable).at("n")},
              {"resolved", value->standard_error <= kLargestShareOfNoise * std::abs(error)}};
  if (const Part* limit = theory_of(parts, measured, "limit"))
    row["error_against_the_limit"] = value->mean - limit->at(observable, time)->mean;
  return row;
}

/// The error per size as all sizes show it together, if it is in proportion to the size: least squares through 0.
Estimate error_per_size(const std::vector<json>& errors) {
  double products = 0.0, squares = 0.0;
  for (const auto& row : errors) {
    const double size = row.at("size"), se = row.at("se");
    if (se == 0.0) continue;
    products += row.at("error").get<double>() * size / (se * se);
    squares += size * size / (se * se);
  }
  return {products / squares, 1.0 / std::sqrt(squares)};
}

/// Replicas with which the run would be resolved: for an error in proportion to the size, or the measured one where that
/// is smaller. Where no size shows an error yet it is taken as large as two standard errors allow: at least so many.
std::string replicas_needed(const json& row, const Estimate& per_size) {
  const double size = row.at("size"), se = row.at("se");
  const bool is_seen = std::abs(per_size.mean) >= 3.0 * per_size.standard_error;
  const double error =
      is_seen ? std::min(std::abs(per_size.mean) * size, std::max(std::abs(row.at("error").get<double>()), se))
              : (std::abs(per_size.mean) + 2.0 * per_size.standard_error) * size;
  return (is_seen ? "" : "at least ") +
         print("%.2g", row.at("replicas").get<double>() * std::pow(se / (kLargestShareOfNoise * error), 2)) +
         " at η = " + print("%g", row.at("learning_rate"));
}

/// Why no slope may be fitted through these errors, the largest size first; empty if one may.
std::string reason_to_refuse(const std::vector<json>& errors) {
  std::set<double> sizes;
  for (const auto& row : errors) sizes.insert(row.at("size").get<double>());
  if (sizes.size() < 3) return "fewer than three sizes";
  std::string unresolved;
  bool positive = false, negative = false;
  for (const auto& row : errors) {
    if (row.at("resolved"))
      (row.at("error").get<double>() > 0.0 ? positive : negative) = true;
    else
      unresolved += (unresolved.empty() ? "" : ", ") + replicas_needed(row, error_per_size(errors));
  }
  if (positive && negative) return "the error changes its sign";
  return unresolved.empty() ? ""
                            : "a Monte-Carlo error above a third of the error; replicas needed, about: " + unresolved;
}

json order_row(const std::vector<json>& errors) {
  json row = {{"row", "order"},
              {"panel", errors.front().at("panel")},
              {"observable", errors.front().at("observable")},
              {"regime", errors.front().at("regime")},
              {"points", errors.size()}};
  if (const std::string reason = reason_to_refuse(errors); !reason.empty()) {
    row["refused"] = reason;
    return row;
  }
  std::vector<double> sizes;
  std::vector<Estimate> logarithms;
  for (const auto& error : errors) {
    const double value = std::abs(error.at("error").get<double>());
    sizes.push_back(std::log(error.at("size").get<double>()));
    logarithms.push_back({std::log(value), error.at("se").get<double>() / value});
  }
  const WeightedLineFit fit = fit_weighted_line(sizes, logarithms);
  const auto freedom = static_cast<double>(errors.size() - 2);
  // Where the line is not quite straight the residuals tell the spread, of which so few points know little.
  const double spread = std::sqrt(fit.chi_square / freedom);
  const double half_width = std::max(kNormal95, spread > 1.0 ? spread * student_t_quantile(0.975, freedom) : 0.0);
  row.update({{"slope", fit.slope},
              {"half_width_95", half_width * std::sqrt(fit.slope_variance)},
              {"chi_square", fit.chi_square},
              {"degrees_of_freedom", freedom},
              {"size", json::array()},
              {"fit", json::array()},
              {"low", json::array()},
              {"high", json::array()}});
  constexpr int kParts = 24;
  const auto [smallest, largest] = std::minmax_element(sizes.begin(), sizes.end());
  for (int i = 0; i <= kParts; ++i) {
    const double x = *smallest + (*largest - *smallest) * i / kParts;
    row["size"].push_back(std::exp(x));
    row["fit"].push_back(std::exp(fit.at(x)));
    row["low"].push_back(std::exp(fit.at(x) - half_width * fit.standard_error_at(x)));
    row["high"].push_back(std::exp(fit.at(x) + half_width * fit.standard_error_at(x)));
  }
  return row;
}

}  // namespace

std::vector<PartRun> weak_error_parts(const Config& config, const RunOptions& run) {
  const auto workers = config.integer("workers.count", at_least(2), 4);
  std::vector<PartRun> parts;
  for (const std::string landscape : {"circle", "periodic_valley"})
    if (config.has(landscape + ".slow_time")) add_landscape(config, run, workers, landscape, parts);
  if (parts.empty()) config.fail_missing({"circle.slow_time", "periodic_valley.slow_time"});
  return parts;
}

std::vector<json> weak_error_rows(const std::vector<Part>& parts) {
  std::vector<std::pair<std::string, std::vector<json>>> sweeps;  // by panel, observable and regime
  for (const Part& part : parts) {
    if (part.is_theory()) continue;
    for (const auto& item : part.records.back().at("observables").items()) {
      json row = error_row(parts, part, item.key());
      if (row.is_null()) continue;
      const std::string name = part.panel + " " + item.key() + " " + part.regime;
      auto sweep = std::find_if(sweeps.begin(), sweeps.end(), [&](const auto& s) { return s.first == name; });
      if (sweep == sweeps.end()) sweep = sweeps.emplace(sweeps.end(), name, std::vector<json>{});
      sweep->second.push_back(std::move(row));
    }
  }
  std::vector<json> rows;
  for (auto& [name, errors] : sweeps) {
    std::stable_sort(errors.begin(), errors.end(), [](const json& a, const json& b) {
      return a.at("size").get<double>() > b.at("size").get<double>();
    });
    rows.insert(rows.end(), errors.begin(), errors.end());
    rows.push_back(order_row(errors));
  }
  return rows;
}

std::string weak_error_table(const std::vector<json>& rows) {
  std::string errors =
      "## Weak error: E g(Phi(average of the workers)) of the algorithm minus E g of its Slow SDE\n\n"
      "| what | regime | η | H | size | replicas | measured | Slow SDE | error ± s.e. | against m = K |\n"
      "|---|---|---|---|---|---|---|---|---|---|\n";
  std::string orders =
      "\n## Fitted order (size: η; α² for qsr; Theorem 3.1 promises 0.25, and 1 for qsr)\n\n"
      "| what | regime | slope, 95 % | χ² / degrees of freedom |\n|---|---|---|---|\n";
  const auto name = [](const json& row) {
    return row.at("panel").get<std::string>() + " " + row.at("observable").get<std::string>() + " | " +
           row.at("regime").get<std::string>();
  };
  for (const auto& row : rows) {
    if (row.at("row") == "error")
      errors += "| " + name(row) + " | " + print("%g", row.at("learning_rate")) + " | " +
                print("%.0f", row.at("sync_period")) + " | " + print("%g", row.at("size")) + " | " +
                print("%.0f", row.at("replicas")) + " | " + print("%.5f", row.at("measured")) + " | " +
                print("%.5f", row.at("predicted")) + " | " + print("%+.5f", row.at("error")) + " ± " +
                print("%.5f", row.at("se")) + " | " +
                (row.contains("error_against_the_limit") ? print("%+.5f", row.at("error_against_the_limit")) : "-") +
                " |\n";
    else if (row.contains("refused"))
      orders += "| " + name(row) + " | **not fitted**: " + row.at("refused").get<std::string>() + " | - |\n";
    else
      orders += "| " + name(row) + " | " + print("%.3f", row.at("slope")) + " ± " +
                print("%.3f", row.at("half_width_95")) + " | " + print("%.2f", row.at("chi_square")) + " / " +
                print("%.0f", row.at("degrees_of_freedom")) + " |\n";
  }
  return errors + orders;
}

}  // namespace quasar
