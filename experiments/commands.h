#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/config.h"

namespace quasar {

/// What every command that reads a configuration file is given.
struct RunArguments {
  std::string file;
  std::vector<std::string> overrides;
  bool dry_run = false;
  bool figure = true;  ///< of a single Slow SDE
  ConfigChoice choice;
};

/// A results folder and whether it was there already, finished, from the same code.
struct FinishedRun {
  std::filesystem::path folder;
  bool reused = false;
};

/// measured  results folder of an earlier training run whose speed predicts the time; may be empty
void plan_command(const RunArguments& arguments, bool json, const std::string& measured);
/// all_regimes  the file under each of SGD, H = beta/eta and QSR, see all_regimes.h
void sde_command(const RunArguments& arguments, bool all_regimes = false);
void toy_command(const RunArguments& arguments, bool all_regimes = false);
/// Joins the shards of a toy ensemble in these results folders to the folder of the whole.
void merge_command(const std::vector<std::string>& folders);
/// Its exit code: a run that was saved before its end is not an error.
int train_command(const RunArguments& arguments);
void convex_command(const RunArguments& arguments);
void compare_command(const RunArguments& arguments, const std::vector<std::string>& targets);
/// Copies the records of results folders into CSV files or event files by notebooks/export.py; its exit code.
int export_command(const std::vector<std::string>& folders, const std::string& format, const std::string& out);
void doctor_command();

/// The commands without their command line, for `compare`, which runs them as parts.
FinishedRun run_sde(const Config& config, bool dry_run);
FinishedRun run_toy(const Config& config, bool dry_run);
FinishedRun run_train(const Config& config, bool dry_run);

/// Whether this binary can train networks; if not, `run_train` and the network's Slow SDE throw with this reason.
bool has_networks();

}  // namespace quasar
