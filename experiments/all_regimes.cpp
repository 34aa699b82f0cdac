#include "experiments/all_regimes.h"

#include <cstdio>

#include "core/errors.h"

namespace quasar {
namespace {

/// One regime: its rule and what sets its H.
struct Regime {
  const char *title, *rule, *coefficient;
};
constexpr Regime kRegimes[] = {
    {"SGD", "constant", "sync.period"}, {"H = beta/eta", "inverse", "sync.beta"}, {"QSR", "qsr", "sync.alpha"}};

/// The overrides with this regime's rule and, of what sets H, its own coefficient only.
std::vector<std::string> overrides_of(const Regime& regime, const Config& file,
                                      const std::vector<std::string>& overrides) {
  const std::string coefficient = regime.coefficient;
  const bool sgd = coefficient == "sync.period";
  if (!sgd && !file.has(coefficient))
    throw ConfigError(coefficient + " is missing: --all-regimes needs sync.beta (H = beta/eta) and sync.alpha (QSR); " +
                      "give it behind the file, as in " + coefficient + "=0.1");
  std::vector<std::string> result = {std::string("sync.rule=") + regime.rule,
                                     coefficient + "=" + (sgd ? "1" : file.as_toml(coefficient))};
  for (const std::string& given : overrides) {
    const std::string key = given.substr(0, given.find('='));
    if (key != "sync.beta" && key != "sync.alpha" && !(sgd && key == "sync.base_period")) result.push_back(given);
  }
  return result;
}

void require_no_other_rule(const Config& file, const std::vector<std::string>& overrides) {
  for (const std::string& given : overrides)
    if (given.starts_with("sync.rule="))
      file.fail("sync.rule", "contradicts --all-regimes, which runs all three; leave one of them out");
  for (const char* key : {"sync.period", "sync.power", "sync.phases"})
    if (file.has(key)) file.fail(key, "belongs to none of the regimes of --all-regimes: SGD, H = beta/eta and QSR");
}

}  // namespace

void run_all_regimes(const RunArguments& arguments, const std::function<FinishedRun(const Config&, bool)>& run) {
  const Config file = Config::from_file(arguments.file, arguments.overrides);
  require_no_other_rule(file, arguments.overrides);
  std::vector<Config> configs;
  for (const Regime& regime : kRegimes)
    configs.push_back(Config::from_file(arguments.file, overrides_of(regime, file, arguments.overrides)));
  std::vector<std::string> folders;
  for (std::size_t i = 0; i < configs.size(); ++i) {
    std::fprintf(stderr, "[%zu/%zu] %s\n", i + 1, configs.size(), kRegimes[i].title);
    const FinishedRun finished = run(configs[i], arguments.dry_run);
    if (!arguments.dry_run)
      std::printf("%s: %s%s\n", kRegimes[i].title, finished.folder.c_str(), finished.reused ? " (done before)" : "");
    folders.push_back(finished.folder.string());
  }
  std::fflush(stdout);
  if (!arguments.dry_run) compare_command({}, folders);
}

}  // namespace quasar
