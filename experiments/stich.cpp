#include "experiments/stich.h"

#include <algorithm>

#include "core/recorder.h"
#include "experiments/question_text.h"

namespace quasar {
namespace {

using nlohmann::json;

/// Time until epsilon in units of a sample's gradient on one worker, where an average costs so many of them.
double time_of(const json& run, double batch, double communication_cost) {
  const double steps = run.at("steps_to_epsilon");
  const double rounds = run.at("num_workers") == 1 ? 0.0 : steps / run.at("sync_period").get<double>();
  return steps * batch + communication_cost * rounds;
}

bool same_cell(const json& a, const json& b) {
  return a.at("num_workers") == b.at("num_workers") && a.at("sync_period") == b.at("sync_period");
}

/// Of each K and H the run that was first at epsilon.
std::vector<json> best_runs(const std::vector<json>& runs) {
  std::vector<json> best;
  for (const json& run : runs) {
    const auto found = std::find_if(best.begin(), best.end(), [&](const json& b) { return same_cell(b, run); });
    if (found == best.end())
      best.push_back(run);
    else if (!run.at("steps_to_epsilon").is_null() &&
             (found->at("steps_to_epsilon").is_null() || run.at("steps_to_epsilon") < found->at("steps_to_epsilon")))
      *found = run;
  }
  return best;
}

constexpr double kCommunicationCosts[] = {0.0, 25.0};  // free, and the ratio of Stich's figures

}  // namespace

std::vector<PartRun> stich_parts(const Config& config, const RunOptions& run) {
  Settings shared;
  shared.set("data.name", config.text("data.name"));
  if (config.has("data.root")) shared.set("data.root", config.text("data.root"));
  shared.set("convex.loss", config.text("convex.loss", "logistic"));
  shared.set("convex.storage", config.text("convex.storage", "sparse"));
  if (config.has("convex.regularization"))
    shared.set("convex.regularization", config.number("convex.regularization", positive()));
  shared.set("convex.epsilon", config.number("convex.epsilon", positive(), 1e-3));
  shared.set("convex.max_gradients", config.integer("convex.max_gradients", at_least(1), 2'000'000));
  shared.set("batch.local_size", config.integer("batch.local_size", at_least(1), 1));
  const auto list = [](const std::string& key, const auto& values) { return key + " = " + json(values).dump() + "\n"; };
  const std::string grid = list("workers.counts", config.integers("workers.counts", at_least(1))) +
                           list("sync.periods", config.integers("sync.periods", at_least(1))) +
                           list("learning_rate.shifts", config.numbers("learning_rate.shifts", at_least(4.0)));
  std::vector<PartRun> parts;
  for (const bool asynchronous : {false, true}) {
    const std::string regime = asynchronous ? "asynchronous" : "synchronous";
    parts.push_back({"convex", regime, "convex",
                     part_settings(run, "stich-" + regime)
                         .with_rest_of(shared.text() + grid)
                         .set("convex.asynchronous", asynchronous)
                         .text()});
  }
  return parts;
}

std::vector<json> stich_rows(const std::vector<Part>& parts) {
  std::vector<json> rows;
  for (const Part& part : parts) {
    const json problem = read_run_json(part.folder).at("convex");
    const auto runs = read_series(part.folder, "runs");
    const auto best = best_runs(runs);
    const double batch = problem.at("local_batch_size");
    const json* sgd = nullptr;
    for (const json& run : best)
      if (run.at("num_workers") == 1 && !run.at("steps_to_epsilon").is_null() &&
          (sgd == nullptr || run.at("sync_period") < sgd->at("sync_period")))
        sgd = &run;
    for (const json& run : best) {
      json row = {{"row", "cell"}, {"regime", part.regime}, {"problem", problem}};
      for (const char* key : {"num_workers", "sync_period", "shift", "steps_to_epsilon", "gap"}) row[key] = run.at(key);
      row["gradients"] = row["rounds"] = nullptr;
      row["speed_up"] = json::array();
      if (!run.at("steps_to_epsilon").is_null()) {
        const double steps = run.at("steps_to_epsilon");
        row["gradients"] = steps * batch * run.at("num_workers").get<double>();
        row["rounds"] = steps / run.at("sync_period").get<double>();
        for (const double cost : kCommunicationCosts)
          if (sgd != nullptr)
            row["speed_up"].push_back(
                {{"communication_cost", cost}, {"value", time_of(*sgd, batch, cost) / time_of(run, batch, cost)}});
      }
      rows.push_back(std::move(row));
    }
    for (const json& run : runs)
      if (run.contains("bound"))
        rows.push_back({{"row", "bound"},
                        {"regime", part.regime},
                        {"num_workers", run.at("num_workers")},
                        {"sync_period", run.at("sync_period")},
                        {"step", run.at("step")},
                        {"gap", run.at("gap")},
                        {"bound", run.at("bound")}});
  }
  return rows;
}

std::string stich_table(const std::vector<json>& rows) {
  const json& problem = rows.front().at("problem");
  std::string text =
      "## Gradients and rounds until f(average) - f* = " + print("%g", problem.at("epsilon")) +
      "\n\nn = " + print("%.0f", problem.at("samples")) + ", d = " + print("%.0f", problem.at("features")) +
      ", mu = " + print("%.3g", problem.at("strong_convexity")) + ", L/mu = " +
      print("%.4g", problem.at("smoothness").get<double>() / problem.at("strong_convexity").get<double>()) +
      ", b = " + print("%.0f", problem.at("local_batch_size")) + ", f* = " + print("%.12f", problem.at("minimum")) +
      "\n\n| algorithm | K | H | a | gradients | rounds | speed-up, free averages | speed-up, an average "
      "costs 25 gradients |\n|---|---|---|---|---|---|---|---|\n";
  for (const json& row : rows) {
    if (row.at("row") != "cell") continue;
    text += "| " + row.at("regime").get<std::string>() + " | " + print("%.0f", row.at("num_workers")) + " | " +
            print("%.0f", row.at("sync_period")) + " | " + print("%.6g", row.at("shift")) + " | ";
    if (row.at("steps_to_epsilon").is_null()) {
      text +=
          (row.at("gap").is_null() ? "diverged" : "not reached, gap " + print("%.2g", row.at("gap"))) + " | | | |\n";
      continue;
    }
    text += print("%.3g", row.at("gradients")) + " | " + print("%.3g", row.at("rounds")) + " |";
    for (const json& speed_up : row.at("speed_up")) text += " " + print("%.3g", speed_up.at("value")) + " |";
    text += "\n";
  }
  text +=
      "\n## The theorem's bound at its own step sizes\n\n| K | H | T | measured gap | bound |\n|---|---|---|---|---|\n";
  for (const json& row : rows)
    if (row.at("row") == "bound")
      text += "| " + print("%.0f", row.at("num_workers")) + " | " + print("%.0f", row.at("sync_period")) + " | " +
              print("%.0f", row.at("step")) + " | " + print("%.3g", row.at("gap")) + " | " +
              print("%.3g", row.at("bound")) + " |\n";
  return text;
}

}  // namespace quasar
