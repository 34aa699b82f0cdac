// The sources' experiments as their users start them: every preset planned at the paper's size, tried dry, and run small.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "core/config.h"
#include "tests/experiments/binary.h"

namespace quasar {
namespace {

using testing::HasSubstr;

std::vector<std::string> presets() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kExperiments / "presets")) names.push_back(entry.path().stem());
  std::sort(names.begin(), names.end());
  return names;
}

class Presets : public CommandLine, public testing::WithParamInterface<std::string> {
 protected:
  static std::string file() { return kExperiments / "presets" / (GetParam() + ".toml"); }
  /// A command on the preset; one whose token files are the user's own gets made ones.
  static Words command(const Words& words, const Words& more) {
    const bool has_own_files = GetParam() == "microllama_adaptive_batch";
    return words + Words{file()} + more + (has_own_files ? Words{"data.name=procedural_tokens"} : Words{});
  }
  static std::vector<std::string> arms() { return Config::from_file(file()).arms(); }
};

TEST_P(Presets, HaveAPaperSizeWhoseScheduleIsPlannedForEveryArm) {
  ASSERT_GE(arms().size(), 2u);
  if (GetParam() == "resnet50_adaptive_batch" && !has_networks())
    GTEST_SKIP() << "this build has no networks, and so no data to count epochs of";
  for (const std::string& arm : arms())
    EXPECT_THAT(quasar(command({"plan"}, {"--arm", arm})), prints("communication volume")) << arm;
}

TEST_P(Presets, TryTheirModelAndFirstBatchAtThePapersSize) {
  if (!has_networks()) GTEST_SKIP() << "this build has no networks";
  // CPUs without bfloat16 take minutes for it.
  Words words = command({"train"}, {"--dry-run", "--arm", arms().front(), "network.precision=float32"});
  if (GetParam() == "microllama_adaptive_batch") words.emplace_back("data.context=64");  // 2,048 take minutes on a CPU
  EXPECT_THAT(quasar(words), prints("first batch"));
  EXPECT_TRUE(runs().empty());
}

TEST_P(Presets, RunEveryArmInTheirSmokeSize) {
  if (!has_networks()) GTEST_SKIP() << "this build has no networks";
  const Words study = {"compare", file(), "--size", "smoke"};
  ASSERT_THAT(quasar(study), prints("## Arms: mean"));
  fs::path table;
  int trained = 0;
  for (const fs::path& run : runs()) {
    EXPECT_TRUE(fs::exists(run / "DONE")) << run;
    if (fs::exists(run / "table.md"))
      table = run / "table.md";
    else
      ++trained;
  }
  EXPECT_EQ(trained, static_cast<int>(arms().size()));
  std::ifstream in(table);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  for (const std::string& arm : arms()) EXPECT_THAT(text, HasSubstr("| " + arm + " |"));
  EXPECT_THAT(quasar(study), prints("done before, from the same code and settings"));
}

INSTANTIATE_TEST_SUITE_P(All, Presets, testing::ValuesIn(presets()), [](const auto& preset) { return preset.param; });

class Study : public NetworkCommandLine {
 protected:
  std::string write(const std::string& text) const {
    std::ofstream(here() / "study.toml") << text;
    return "study.toml";
  }
  const std::string task_ =
      "data = {name = 'procedural', procedural_train = 100, procedural_test = 50}\nnetwork.width = 4\n"
      "network.name = 'mlp'\nbatch.local_size = 10\ntraining.steps = 6\nlearning_rate.peak = 0.1\n"
      "evaluate.at_start = false\n";
};

TEST_F(Study, FaultsOfItsLastArmAreFoundBeforeTheFirstOneIsTrained) {
  const std::string file = write(task_ + "[arms.good]\nsync.period = 2\n[arms.bad]\nsync.periode = 2\n");
  EXPECT_THAT(quasar({"compare", file}), fails_with(2, "did you mean sync.period?"));
  EXPECT_TRUE(runs().empty());
}

TEST_F(Study, EqualArmsAndUnknownSizesAreRefused) {
  const std::string file =
      write(task_ + "sync.period = 2\n[arms.one]\nsync.period = 2\n[arms.two]\nsync.rule = 'constant'\n");
  EXPECT_THAT(quasar({"compare", file}), fails_with(2, "the arms one and two (seeds 1 and 1) are the same run"));
  EXPECT_THAT(quasar({"compare", file, "--size", "mini"}), fails_with(2, "has no table [size.mini]"));
  EXPECT_THAT(quasar({"train", file, "--arm", "three"}), fails_with(2, "has no table [arms.three] (it has one, two)"));
}

TEST_F(Study, AnArmThatDivergesIsAResult) {
  const std::string file = write(task_ +
                                 "study.seeds = [1, 2]\n[arms.calm]\nsync.period = 2\n[arms.wild]\nsync.period = 3\n"
                                 "learning_rate.peak = 1e30\n");
  const Outcome outcome = quasar({"compare", file});
  EXPECT_THAT(outcome, prints("| wild | constant H=3 | 0 of 2 |"));
  EXPECT_THAT(outcome, prints("| calm | constant H=2 | 2 |"));
  EXPECT_THAT(outcome, prints("| 6 ± 0 | 10.0 ± 0.0 | 3 ± 0 |"));  // steps, local batch, rounds
}

}  // namespace
}  // namespace quasar
