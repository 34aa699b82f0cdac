// `--all-regimes` of `quasar sde` and `quasar toy` as a user meets it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/recorder.h"
#include "tests/experiments/binary.h"

namespace quasar {
namespace {

using testing::AllOf;
using testing::UnorderedElementsAre;

class AllRegimes : public CommandLine {
 protected:
  static Words brief(const std::string& command) {
    return {command, kCircle, "sde.paths=64", "sde.steps=8", "ensemble.replicas=64", "training.slow_time=0.02"};
  }
  std::vector<std::string> regimes() const {
    std::vector<std::string> found;
    for (const auto& folder : runs("results/circle")) found.push_back(read_run_json(folder).at("regime"));
    return found;
  }

 private:
  EnvironmentVariable no_python_{"QUASAR_PYTHON", "/nonexistent/python"};  // the figures have tests of their own
};

TEST_F(AllRegimes, RunTheThreeAndCompareThem) {
  for (const std::string command : {"sde", "toy"}) {
    fs::remove_all(here() / "results");
    const Outcome all = quasar(brief(command) + Words{"--all-regimes", "sync.alpha=0.05"});
    EXPECT_THAT(
        all, AllOf(prints("SGD: results"), prints("H = beta/eta: results"), prints("QSR: results"), prints("table:")));
    EXPECT_THAT(regimes(), UnorderedElementsAre("sgd", "inverse", "qsr"));
    EXPECT_EQ(runs("results/compare").size(), 1u);
    // Each is the run that the same settings alone give.
    EXPECT_THAT(quasar(brief(command) + Words{"sync.rule=qsr", "sync.alpha=0.05"}), prints("done before"));
    EXPECT_THAT(quasar(brief(command) + Words{"sync.rule=constant", "sync.period=1"}), prints("done before"));
    EXPECT_EQ(regimes().size(), 3u);
  }
}

TEST_F(AllRegimes, NeedTheCoefficientsAndNoOtherRule) {
  for (const std::string command : {"sde", "toy"}) {
    const Words all = brief(command) + Words{"--all-regimes"};
    EXPECT_THAT(quasar(all), fails_with(2, "sync.alpha is missing"));
    EXPECT_THAT(quasar(all + Words{"sync.alpha=0.05", "sync.rule=qsr"}), fails_with(2, "contradicts --all-regimes"));
    EXPECT_THAT(quasar(all + Words{"sync.alpha=0.05", "sync.period=4"}), fails_with(2, "sync.period"));
    EXPECT_THAT(quasar(all + Words{"sync.alpha=0.05", "sync.bta=1"}), fails_with(2, "sync.bta"));
    EXPECT_THAT(quasar(all + Words{"sync.alpha=0.05", "--dry-run"}), exits_with(0));
  }
  EXPECT_THAT(quasar(brief("toy") + Words{"--all-regimes", "sync.alpha=0.05", "sweep.K=[1, 2]"}),
              fails_with(2, "sweep.* contradicts --all-regimes"));
  EXPECT_TRUE(runs().empty());
}

}  // namespace
}  // namespace quasar
