#include <cmath>
#include <cstdio>
#include <string>

#include "experiments/training_comparison.h"

namespace quasar {
namespace {

using nlohmann::json;

std::string print(const char* format, const json& value, double factor = 1.0) {
  if (!value.is_number()) return "-";
  char text[64];
  std::snprintf(text, sizeof(text), format, factor * value.get<double>());
  return text;
}

/// To the microsecond, or to three digits where that is coarser.
std::string milliseconds(const json& row, const char* key) {
  const double value = 1e3 * row.at(key).get<double>();
  return print(std::abs(value) < 1.0 ? "%.3f ms" : "%.3g ms", value);
}

std::string run_line(const json& row) {
  const auto cell = [&](const char* key, const char* format, double factor = 1.0) {
    return print(format, row.at(key), factor) + " | ";
  };
  const std::string status = row.at("status");
  return "| " + row.at("method").get<std::string>() + (status == "done" ? "" : " (" + status + ")") + " | " +
         cell("num_workers", "%.0f") + cell("steps", "%.0f") + cell("rounds", "%.0f") + cell("volume", "%.2f", 100.0) +
         cell("bytes", "%.1f", 1e-6) + cell("accuracy", "%.4f") + cell("loss", "%.4f") + cell("seconds", "%.1f") +
         print("%.0f", row.at("samples_per_second")) + " |\n";
}

/// "QSR α=0.01: H = 14.2 on average, T = 12 ms, T (1 - 1/H) = 11 ms; backward hides 8 ms of T, ...: it pays ..."
std::string overlap_line(const json& row) {
  std::string line = "- " + row.at("method").get<std::string>() + ": H = " + print("%.4g", row.at("mean_period")) +
                     " on average, T = " + milliseconds(row, "all_reduce_seconds") +
                     ", T (1 - 1/H) = " + milliseconds(row, "saved_seconds");
  if (!row.contains("pays"))
    return line + "; what backward hides is not known without a finished parallel run of the same network and batch\n";
  return line + "; backward hides " + milliseconds(row, "hidden_seconds") + " of T (a step takes " +
         milliseconds(row, "step_seconds_without_communication") + " without communication, " +
         milliseconds(row, "parallel_step_seconds") + " in the parallel run): **" +
         (row.at("pays").get<bool>() ? "pays" : "does not pay") + "**; measured " + milliseconds(row, "step_seconds") +
         " a step\n";
}

std::string differs_line(const json& row) {
  std::string values;
  for (const auto& value : row.at("values")) {
    const auto text = value.get<std::string>();
    values += (values.empty() ? "" : ", ") + (text.empty() ? "unset" : text);
  }
  return "- " + row.at("key").get<std::string>() + ": " + values + "\n";
}

constexpr const char* kRuleOfOverlap =
    "\n## Does Local SGD pay in time here?\n\n"
    "Only if T (1 - 1/H) exceeds the part of T that backward hides: the parallel run waits for the rest of T at every "
    "step,\nLocal SGD for T/H. T is the measured time of one all-reduce, waiting for the slowest worker included.\n\n";

}  // namespace

std::string training_table(const std::vector<json>& rows) {
  std::string runs, overlaps, differences;
  for (const auto& row : rows) {
    if (row.at("row") == "training") runs += run_line(row);
    if (row.at("row") == "overlap") overlaps += overlap_line(row);
    if (row.at("row") == "differs") differences += differs_line(row);
  }
  std::string text =
      "## Training runs\n\n"
      "| method | K | steps | rounds | volume % | MB a worker | accuracy | loss | seconds | images/s |\n"
      "|---|---|---|---|---|---|---|---|---|---|\n" +
      runs;
  if (!differences.empty())
    text += "\n## Accuracies of these runs cannot be compared: they differ in the task\n\n" + differences;
  if (!overlaps.empty()) text += kRuleOfOverlap + overlaps;
  return text;
}

}  // namespace quasar
