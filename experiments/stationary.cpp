#include "experiments/stationary.h"

#include <cmath>

#include "core/recorder.h"
#include "experiments/question_text.h"

namespace quasar {
namespace {

using nlohmann::json;

void add_landscape(const Config& config, const RunOptions& run, std::int64_t workers, const std::string& landscape,
                   std::vector<PartRun>& parts) {
  const auto key = [&](const char* name) { return landscape + "." + name; };
  const double eta = config.number(key("learning_rate"), positive());
  const bool circle = landscape == "circle";
  Settings shared;
  shared.set("landscape.name", landscape).set("workers.count", workers).set("learning_rate.peak", eta);
  shared.set("landscape.start", config.number(key("start"), any_number(), circle ? 1.0 : 0.5));
  if (circle) shared.set("landscape.stiffness", config.number(key("stiffness"), positive(), 4.0));
  shared.set("landscape.noise_scale_x", config.number(key("noise_scale_x"), positive(), circle ? std::sqrt(2.0) : 1.0));
  shared.set("landscape.noise_scale_y",
             config.number(key("noise_scale_y"), positive(), circle ? std::sqrt(0.4) : std::sqrt(0.5)));
  shared.set("training.slow_time", config.number(key("slow_time"), positive()));
  shared.set("record.histogram", config.integer(key("bins"), between(2, 1000), 30));
  shared.set("record.points", 1);
  const double beta = config.number(key("beta"), positive()), alpha = config.number(key("alpha"), positive());
  const auto replicas = config.integer(key("replicas"), at_least(2));
  for (const std::string regime : {"sgd", "inverse", "qsr"}) {
    Settings rule;
    if (regime == "sgd") rule.set("sync.rule", "constant").set("sync.period", 1);
    if (regime == "inverse") rule.set("sync.rule", "inverse").set("sync.beta", beta);
    if (regime == "qsr") rule.set("sync.rule", "qsr").set("sync.alpha", alpha);
    const std::string common = shared.text() + rule.text(), name = "stationary-" + landscape + "-" + regime;
    parts.push_back(
        {landscape, regime, "sde",
         part_settings(run, name + "-theory").with_rest_of(common).set("sde.solver", "backward_equation").text()});
    parts.push_back({landscape, regime, "toy",
                     independent_part(run, name + "-toy", parts.size())
                         .with_rest_of(common)
                         .set("ensemble.replicas", replicas)
                         .text()});
  }
}

/// Pearson's chi-square of the counts under these probabilities; neighbouring bins are joined to expect at least 10.
json chi_square(const json& counts, const json& probabilities, double replicas) {
  double sum = 0.0, observed = 0.0, expected = 0.0;
  int cells = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    observed += counts[i].get<double>();
    expected += replicas * probabilities[i].get<double>();
    double rest = 0.0;
    for (std::size_t j = i + 1; j < counts.size(); ++j) rest += replicas * probabilities[j].get<double>();
    const bool last = i + 1 == counts.size();
    if (!last && (expected < 10.0 || rest < 10.0)) continue;
    sum += (observed - expected) * (observed - expected) / expected;
    ++cells;
    observed = expected = 0.0;
  }
  const double freedom = cells - 1.0;
  return {{"chi_square", sum}, {"degrees_of_freedom", freedom}, {"p_value", chi_square_p_value(sum, freedom)}};
}

json histogram_row(const Part& measured, const std::vector<Part>& parts) {
  const json record = read_series(measured.folder, "histograms").back();
  double replicas = 0.0;
  for (const auto& count : record.at("counts")) replicas += count.get<double>();
  json row = {{"row", "histogram"},
              {"panel", measured.panel},
              {"regime", measured.regime},
              {"learning_rate", measured.learning_rate},
              {"sync_period", measured.sync_period},
              {"slow_time", record.at("slow_time")},
              {"coordinate", record.at("coordinate")},
              {"low", record.at("low")},
              {"period", record.at("period")},
              {"replicas", replicas},
              {"counts", record.at("counts")},
              {"tests", json::object()}};
  for (const Part& theory : parts) {
    if (!theory.is_theory() || theory.panel != measured.panel || theory.system_id != measured.system_id) continue;
    const json law = read_series(theory.folder, "histograms").back();
    row["tests"][theory.regime] = chi_square(record.at("counts"), law.at("probabilities"), replicas);
    if (theory.regime != measured.regime) continue;
    for (const char* name : {"coordinates", "density", "probabilities", "relaxation_time"}) row[name] = law.at(name);
  }
  return row;
}

}  // namespace

std::vector<PartRun> stationary_parts(const Config& config, const RunOptions& run) {
  const auto workers = config.integer("workers.count", at_least(2), 4);
  std::vector<PartRun> parts;
  add_landscape(config, run, workers, "periodic_valley", parts);
  add_landscape(config, run, workers, "circle", parts);
  return parts;
}

std::vector<json> stationary_rows(const std::vector<Part>& parts) {
  std::vector<json> rows;
  for (const Part& part : parts)
    if (!part.is_theory()) rows.push_back(histogram_row(part, parts));
  return rows;
}

std::string stationary_table(const std::vector<json>& rows) {
  std::string text =
      "## Stationary laws: χ² of the histogram of the replicas under each regime's law\n\n"
      "| landscape | regime | η | H | slow time, in relaxation times | replicas | χ² / degrees of freedom | p | under "
      "the "
      "laws of the other regimes |\n|---|---|---|---|---|---|---|---|---|\n";
  for (const auto& row : rows) {
    const std::string regime = row.at("regime");
    const json& own = row.at("tests").at(regime);
    std::string others;
    for (const auto& item : row.at("tests").items())
      if (item.key() != regime)
        others += (others.empty() ? "" : ", ") + item.key() + " " + print("%.4g", item.value().at("chi_square"));
    text += "| " + row.at("panel").get<std::string>() + " | " + regime + " | " + print("%g", row.at("learning_rate")) +
            " | " + print("%.0f", row.at("sync_period")) + " | " + print("%g", row.at("slow_time")) + ", " +
            print("%.1f", row.at("slow_time").get<double>() / row.at("relaxation_time").get<double>()) + " | " +
            print("%.0f", row.at("replicas")) + " | " + print("%.1f", own.at("chi_square")) + " / " +
            print("%.0f", own.at("degrees_of_freedom")) + " | " + print("%.2g", own.at("p_value")) + " | " + others +
            " |\n";
  }
  return text;
}

}  // namespace quasar
