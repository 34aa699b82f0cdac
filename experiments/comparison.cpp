#include "experiments/comparison.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/errors.h"
#include "core/recorder.h"

namespace quasar {
namespace {

using nlohmann::json;

/// Observables whose time average is predicted, rather than their drift, and those that are only shown.
const std::set<std::string> kTimeAveraged = {"train_loss", "dispersion"};
const std::set<std::string> kOnlyShown = {"held_out_accuracy", "train_loss_of_mean_residual"};

constexpr double kAgreementInRelativeTerms = 0.005;
constexpr double kAgreementInStandardErrors = 4.0;

std::set<std::string> observables_of(const Part& part) {
  std::set<std::string> names;
  if (!part.records.empty())
    for (const auto& item : part.records.back().at("observables").items()) names.insert(item.key());
  return names;
}

/// The theory that belongs to a measurement, or another regime's at the same learning rate.
const Part* theory_for(const std::vector<Part>& parts, const Part& measured, const std::string& regime, bool finite) {
  for (const Part& part : parts) {
    const bool same_system = part.panel == measured.panel && part.system_id == measured.system_id &&
                             part.learning_rate == measured.learning_rate;
    const bool same = regime == measured.regime ? part.experiment_id == measured.experiment_id : same_system;
    if (part.is_theory() && part.regime == regime && same && (part.weights == "psi_disc") == finite) return &part;
  }
  return nullptr;
}

double in_standard_errors(const Estimate& difference) {
  return difference.standard_error > 0.0 ? difference.mean / difference.standard_error : 0.0;
}

json drift_row(const std::vector<Part>& parts, const Part& measured, const std::string& observable) {
  const double time = measured.last_slow_time();
  const Part* theory = theory_for(parts, measured, measured.regime, false);
  const auto value = measured.at(observable, time);
  const auto predicted = theory ? theory->at(observable, time) : std::nullopt;
  if (!value || !predicted) return nullptr;
  const Estimate difference{value->mean - predicted->mean,
                            std::hypot(value->standard_error, predicted->standard_error)};
  json row = {{"row", "drift"},
              {"panel", measured.panel},
              {"observable", observable},
              {"regime", measured.regime},
              {"learning_rate", measured.learning_rate},
              {"slow_time", time},
              {"predicted", predicted->mean},
              {"predicted_se", predicted->standard_error},
              {"measured", value->mean},
              {"se", value->standard_error},
              {"difference_in_se", in_standard_errors(difference)},
              {"relative_difference", difference.mean / std::abs(predicted->mean)},
              {"other_regimes", json::object()}};
  for (const std::string regime : {"sgd", "inverse", "qsr"}) {
    const Part* other = regime == measured.regime ? nullptr : theory_for(parts, measured, regime, false);
    if (const auto other_value = other ? other->at(observable, time) : std::nullopt)
      row["other_regimes"][regime] = other_value->mean;
  }
  if (const Part* finite = theory_for(parts, measured, measured.regime, true))
    if (const auto corrected = finite->at(observable, time)) row["predicted_at_finite_steps"] = corrected->mean;
  return row;
}

json free_prediction_row(const std::vector<Part>& parts, const Part& measured, const std::string& observable) {
  const Part* theory = theory_for(parts, measured, measured.regime, false);
  if (!theory) return nullptr;
  double predicted_sum = 0.0, measured_sum = 0.0, variance_sum = 0.0, common_sum = 0.0;
  int records = 0;
  for (const auto& record : measured.records) {
    const double time = record.at("slow_time");
    const auto value = measured.at(observable, time);
    const auto predicted = theory->at(observable, time);
    if (time == 0.0 || !value || !predicted) continue;
    ++records;
    if (const auto common = measured.at("train_loss_of_mean_residual", time)) common_sum += common->mean;
    measured_sum += value->mean;
    predicted_sum += predicted->mean;
    variance_sum += value->standard_error * value->standard_error;
  }
  if (records == 0 || predicted_sum == 0.0) return nullptr;
  json row = {{"row", "free_prediction"},
              {"panel", measured.panel},
              {"observable", observable},
              {"regime", measured.regime},
              {"learning_rate", measured.learning_rate},
              {"records", records},
              {"predicted", predicted_sum / records},
              {"measured", measured_sum / records},
              {"se", std::sqrt(variance_sum) / records},
              {"difference_in_se", (measured_sum - predicted_sum) / std::sqrt(variance_sum)},
              {"relative_difference", measured_sum / predicted_sum - 1.0}};
  if (observable == "train_loss") row["share_common_to_all_seeds"] = common_sum / measured_sum;
  return row;
}

/// Relative gap (measured - predicted)/predicted at the end of a run, with its standard error.
std::optional<Estimate> relative_gap(const std::vector<Part>& parts, const Part& measured,
                                     const std::string& observable) {
  const Part* theory = theory_for(parts, measured, measured.regime, false);
  const auto value = measured.at(observable, measured.last_slow_time());
  const auto predicted = theory ? theory->at(observable, measured.last_slow_time()) : std::nullopt;
  if (!value || !predicted) return std::nullopt;
  return Estimate{value->mean / predicted->mean - 1.0, value->standard_error / std::abs(predicted->mean)};
}

json extrapolation_row(const std::vector<Part>& parts, const Part& coarse, const Part& fine,
                       const std::string& observable) {
  const auto coarse_gap = relative_gap(parts, coarse, observable);
  const auto fine_gap = relative_gap(parts, fine, observable);
  if (!coarse_gap || !fine_gap) return nullptr;
  const Estimate gap = extrapolate_to_zero(coarse.learning_rate, *coarse_gap, fine.learning_rate, *fine_gap);
  const Part* theory = theory_for(parts, fine, fine.regime, false);
  const double predicted = theory->at(observable, fine.last_slow_time())->mean;
  const double distance = std::abs(in_standard_errors(gap));
  return {{"row", "extrapolation"},
          {"panel", fine.panel},
          {"observable", observable},
          {"regime", fine.regime},
          {"learning_rates", {coarse.learning_rate, fine.learning_rate}},
          {"relative_gaps", {coarse_gap->mean, fine_gap->mean}},
          {"gap_ratio", fine_gap->mean / coarse_gap->mean},
          {"predicted", predicted},
          {"extrapolated", predicted * (1.0 + gap.mean)},
          {"se", std::abs(predicted) * gap.standard_error},
          {"relative_difference", gap.mean},
          {"difference_in_se", in_standard_errors(gap)},
          {"agrees", std::abs(gap.mean) <= kAgreementInRelativeTerms || distance <= kAgreementInStandardErrors}};
}

/// Whether two measurements differ in the learning rate alone: same system, same slow time, same eta H (SGD: H = 1).
bool differ_in_learning_rate(const Part& a, const Part& b) {
  const double round_time_a = a.learning_rate * static_cast<double>(a.sync_period);
  const double round_time_b = b.learning_rate * static_cast<double>(b.sync_period);
  const bool same_rule =
      (a.sync_period == 1 && b.sync_period == 1) || std::abs(round_time_a / round_time_b - 1.0) < 0.05;
  const bool same_end = std::abs(a.last_slow_time() - b.last_slow_time()) < 1e-6 * b.last_slow_time();
  return a.panel == b.panel && a.regime == b.regime && a.system_id == b.system_id && same_rule && same_end &&
         a.learning_rate != b.learning_rate;
}

json pair_row(const char* name, const Part& first, double first_time, const Part& second, double second_time,
              const std::string& observable) {
  const auto a = first.at(observable, first_time);
  const auto b = second.at(observable, second_time);
  if (!a || !b) return nullptr;
  const Estimate difference{a->mean - b->mean, std::hypot(a->standard_error, b->standard_error)};
  return {
      {"row", name},
      {"panel", first.panel},
      {"observable", observable},
      {"learning_rate", first.learning_rate},
      {"first", {{"regime", first.regime}, {"slow_time", first_time}, {"mean", a->mean}, {"se", a->standard_error}}},
      {"second", {{"regime", second.regime}, {"slow_time", second_time}, {"mean", b->mean}, {"se", b->standard_error}}},
      {"difference_in_se", in_standard_errors(difference)},
      {"relative_difference", difference.mean / std::abs(b->mean)}};
}

}  // namespace

std::optional<Estimate> Part::at(const std::string& observable, double slow_time) const {
  const auto value = [&](const json& record) -> std::optional<Estimate> {
    const auto& all = record.at("observables");
    if (!all.contains(observable) || all.at(observable).at("mean").is_null()) return std::nullopt;
    return Estimate{all.at(observable).at("mean"), all.at(observable).value("se", 0.0)};
  };
  const auto after = std::find_if(records.begin(), records.end(), [&](const json& record) {
    return record.at("slow_time").get<double>() >= slow_time * (1.0 - 1e-9);
  });
  if (after == records.end()) return std::nullopt;
  const auto right = value(*after);
  if (after == records.begin() || !right) return right;
  const auto left = value(*(after - 1));
  if (!left) return right;
  const double t0 = (after - 1)->at("slow_time"), t1 = after->at("slow_time");
  const double share = std::clamp((slow_time - t0) / (t1 - t0), 0.0, 1.0);
  return Estimate{left->mean + share * (right->mean - left->mean),
                  left->standard_error + share * (right->standard_error - left->standard_error)};
}

double Part::last_slow_time() const { return records.empty() ? 0.0 : records.back().at("slow_time").get<double>(); }

Part load_part(const std::filesystem::path& folder) {
  const json run = read_run_json(folder);
  try {
    Part part;
    part.panel = run.at("system");
    part.regime = run.at("regime");
    part.kind = run.at("kind");
    part.weights = run.value("weights", "");
    part.learning_rate = run.at("learning_rate");
    part.num_workers = run.at("num_workers");
    part.sync_period = run.at("sync_period");
    part.system_id = run.at("system_id");
    part.experiment_id = run.at("experiment_id");
    part.folder = folder;
    part.records = read_series(folder, "observables");
    part.projection = run.value("summary", json::object()).value("projection", json());
    return part;
  } catch (const json::exception& error) {
    throw DataError("'" + (folder / "run.json").string() + "' is not of an sde, toy or train run: " + error.what());
  }
}

std::vector<json> comparison_rows(const std::vector<Part>& parts) {
  std::vector<json> rows;
  const auto add = [&rows](json row) {
    if (!row.is_null()) rows.push_back(std::move(row));
  };
  for (const Part& measured : parts) {
    if (measured.is_theory()) continue;
    if (!theory_for(parts, measured, measured.regime, false))
      add({{"row", "unpaired"},
           {"panel", measured.panel},
           {"regime", measured.regime},
           {"learning_rate", measured.learning_rate},
           {"folder", measured.folder.string()}});
    if (!measured.projection.is_null())
      add({{"row", "projection"},
           {"panel", measured.panel},
           {"observable", "trace_hessian"},
           {"regime", measured.regime},
           {"learning_rate", measured.learning_rate},
           {"gauss_newton", measured.projection.at("trace_hessian_by_gauss_newton")},
           {"gradient_flow", measured.projection.at("trace_hessian_by_gradient_flow")},
           {"relative_difference", measured.projection.at("relative_difference")}});
    for (const auto& observable : observables_of(measured)) {
      if (kOnlyShown.contains(observable)) continue;
      if (kTimeAveraged.contains(observable)) {
        add(free_prediction_row(parts, measured, observable));
        continue;
      }
      add(drift_row(parts, measured, observable));
      for (const Part& other : parts)
        if (!other.is_theory() && differ_in_learning_rate(other, measured) &&
            other.learning_rate > measured.learning_rate)
          add(extrapolation_row(parts, other, measured, observable));
    }
  }
  for (const Part& qsr : parts)
    for (const Part& other : parts) {
      const bool pair = !qsr.is_theory() && !other.is_theory() && qsr.regime == "qsr" && qsr.panel == "network" &&
                        other.panel == qsr.panel && other.learning_rate == qsr.learning_rate;
      const double end = qsr.last_slow_time();
      if (pair && other.regime == "sgd_small_batch") add(pair_row("control", other, end, qsr, end, "trace_hessian"));
      if (pair && other.regime == "sgd")
        add(pair_row("collapse", other, end, qsr, end / qsr.num_workers, "trace_hessian"));
    }
  return rows;
}

}  // namespace quasar
