#include <cstdio>
#include <string>

#include "experiments/comparison.h"

namespace quasar {
namespace {

using nlohmann::json;

std::string print(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

std::string number(const json& value) { return value.is_null() ? "-" : print("%.5g", value.get<double>()); }
std::string percent(const json& value) {
  return value.is_null() ? "-" : print("%+.2f %%", 100.0 * value.get<double>());
}

std::string with_error(const json& mean, const json& error) {
  return number(mean) + " ± " + (error.is_null() ? "-" : print("%.2g", error.get<double>()));
}

std::string others(const json& row) {
  std::string text;
  for (const auto& item : row.at("other_regimes").items())
    text += (text.empty() ? "" : ", ") + item.key() + " " + number(item.value());
  return text.empty() ? "-" : text;
}

std::string name(const json& row) {
  return row.at("panel").get<std::string>() + " " + row.at("observable").get<std::string>();
}

std::string drift_section(const std::vector<json>& rows) {
  std::string text =
      "| what | regime | η | slow time | predicted | measured ± s.e. | difference / s.e. | relative | other regimes "
      "predict |\n"
      "|---|---|---|---|---|---|---|---|---|\n";
  bool any = false;
  for (const auto& row : rows) {
    if (row.at("row") != "drift") continue;
    any = true;
    text += "| " + name(row) + " | " + row.at("regime").get<std::string>() + " | " + number(row.at("learning_rate")) +
            " | " + number(row.at("slow_time")) + " | " + with_error(row.at("predicted"), row.at("predicted_se")) +
            " | " + with_error(row.at("measured"), row.at("se")) + " | " + print("%+.1f", row.at("difference_in_se")) +
            " | " + percent(row.at("relative_difference")) + " | " + others(row) + " |\n";
  }
  return any ? "## Drift: theory beside measurement\n\n" + text : "";
}

std::string extrapolation_section(const std::vector<json>& rows) {
  std::string text =
      "| what | regime | η | gaps at these η | ratio | extrapolated to η = 0 ± s.e. | predicted | difference | verdict "
      "|\n"
      "|---|---|---|---|---|---|---|---|---|\n";
  bool any = false;
  for (const auto& row : rows) {
    if (row.at("row") != "extrapolation") continue;
    any = true;
    const auto& rates = row.at("learning_rates");
    const auto& gaps = row.at("relative_gaps");
    text += "| " + name(row) + " | " + row.at("regime").get<std::string>() + " | " + number(rates[0]) + ", " +
            number(rates[1]) + " | " + percent(gaps[0]) + ", " + percent(gaps[1]) + " | " +
            print("%.2f", row.at("gap_ratio")) + " | " + with_error(row.at("extrapolated"), row.at("se")) + " | " +
            number(row.at("predicted")) + " | " + percent(row.at("relative_difference")) + " (" +
            print("%+.1f", row.at("difference_in_se")) + " s.e.) | " +
            (row.at("agrees").get<bool>() ? "agrees" : "**disagrees**") + " |\n";
  }
  return any ? "\n## Extrapolated to η → 0 (agrees: within 0.5 % or 4 s.e.)\n\n" + text : "";
}

std::string free_prediction_section(const std::vector<json>& rows) {
  std::string text =
      "| what, mean over the run | regime | η | predicted | measured ± s.e. | relative | of it common to all seeds |\n"
      "|---|---|---|---|---|---|---|\n";
  bool any = false;
  for (const auto& row : rows) {
    if (row.at("row") != "free_prediction") continue;
    any = true;
    text += "| " + name(row) + " | " + row.at("regime").get<std::string>() + " | " + number(row.at("learning_rate")) +
            " | " + number(row.at("predicted")) + " | " + with_error(row.at("measured"), row.at("se")) + " | " +
            percent(row.at("relative_difference")) + " | " + percent(row.value("share_common_to_all_seeds", json())) +
            " |\n";
  }
  return any ? "\n## Free predictions\n\n" + text : "";
}

std::string side(const json& value) {
  return value.at("regime").get<std::string>() + " at t = " + number(value.at("slow_time")) + ": " +
         with_error(value.at("mean"), value.at("se"));
}

std::string pair_section(const std::vector<json>& rows) {
  std::string text = "| check | η | one run | the other | relative |\n|---|---|---|---|---|\n";
  bool any = false;
  for (const auto& row : rows) {
    const bool control = row.at("row") == "control";
    if (!control && row.at("row") != "collapse") continue;
    any = true;
    text += std::string("| ") +
            (control ? "SGD with batch B/K has QSR's drift" : "SGD and QSR collapse on the axis K·t") + " (" +
            name(row) + ") | " + number(row.at("learning_rate")) + " | " + side(row.at("first")) + " | " +
            side(row.at("second")) + " | " + percent(row.at("relative_difference")) + " |\n";
  }
  return any ? "\n## Control and collapse\n\n" + text : "";
}

std::string projection_section(const std::vector<json>& rows) {
  std::string text =
      "| what, one replica at the end | regime | η | Gauss-Newton | gradient flow | relative "
      "|\n|---|---|---|---|---|---|\n";
  bool any = false;
  for (const auto& row : rows) {
    if (row.at("row") != "projection") continue;
    any = true;
    text += "| " + name(row) + " | " + row.at("regime").get<std::string>() + " | " + number(row.at("learning_rate")) +
            " | " + number(row.at("gauss_newton")) + " | " + number(row.at("gradient_flow")) + " | " +
            percent(row.at("relative_difference")) + " |\n";
  }
  return any ? "\n## The projection that is measured (Gauss-Newton) against the gradient flow\n\n" + text : "";
}

std::string unpaired_section(const std::vector<json>& rows) {
  std::string text;
  for (const auto& row : rows)
    if (row.at("row") == "unpaired")
      text += "- " + row.at("folder").get<std::string>() + " (" + row.at("panel").get<std::string>() + ", " +
              row.at("regime").get<std::string>() + ", η = " + number(row.at("learning_rate")) + ")\n";
  return text.empty() ? "" : "\n## Left out: no theory run of the same settings among those given\n\n" + text;
}

}  // namespace

std::string comparison_table(const std::vector<json>& rows) {
  return drift_section(rows) + extrapolation_section(rows) + free_prediction_section(rows) + pair_section(rows) +
         projection_section(rows) + unpaired_section(rows);
}

}  // namespace quasar
