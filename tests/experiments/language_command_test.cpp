// `quasar train` for text as its users meet it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>

#include <nlohmann/json.hpp>

#include "core/recorder.h"
#include "tests/experiments/binary.h"

namespace quasar {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const Words kSmall = {"train",
                      kExperiments / "language.toml",
                      "data.name=procedural_tokens",
                      "data.vocabulary=8",
                      "data.context=12",
                      "data.procedural_train=400",
                      "data.procedural_test=50",
                      "network.width=16",
                      "network.depth=1",
                      "network.mlp_width=24",
                      "batch.local_size=4",
                      "training.steps=120",
                      "learning_rate.warmup_steps=10",
                      "sync.alpha=0.02",
                      "evaluate.every=40",
                      "checkpoint.every=16"};

class LanguageCommand : public NetworkCommandLine {
 protected:
  Outcome train(const std::string& results, const Words& more = {}) const {
    return quasar(with_settings(kSmall, Words{"run.results=" + results} + more));
  }
  std::string hash(const std::string& results) const {
    return read_run_json(only_run(results)).at("summary").at("parameter_hash");
  }
};

TEST_F(LanguageCommand, LearnsRecordsAndGoesOnAfterAKillToTheSameBits) {  // C7
  EXPECT_THAT(train("whole"), AllOf(prints("nats a token (perplexity "), prints("windows/s")));
  const json run = read_run_json(only_run("whole")), summary = run.at("summary");
  EXPECT_EQ(run.at("samples"), "windows");
  EXPECT_EQ(run.at("data"), "procedural_tokens");
  EXPECT_EQ(summary.at("test_count"), 50 * 12);
  const auto evaluations = read_series(only_run("whole"), "evaluations");
  ASSERT_EQ(evaluations.size(), 4u);
  EXPECT_NEAR(evaluations.front().at("loss").get<double>(), std::log(8.0), 0.05) << "knows nothing at the start";
  EXPECT_LT(evaluations.back().at("loss").get<double>(), 1.8);
  EXPECT_GT(evaluations.back().at("loss").get<double>(), evaluations.back().at("entropy_rate").get<double>());
  {
    const EnvironmentVariable plan("QUASAR_FAULT", "kill@rank=1,step=71,site=after_local_step");
    EXPECT_THAT(train("killed", {"workers.processes=2", "workers.timeout=5"}), Not(exits_with(0)));
  }
  EXPECT_THAT(train("killed", {"workers.processes=2"}), exits_with(0));
  EXPECT_EQ(hash("killed"), hash("whole")) << "processes are threads, and a restart changes nothing";
}

TEST_F(LanguageCommand, FilesOfTokensTrainAndTheirDamageIsNamed) {  // I3
  std::string text;
  for (int i = 0; i < 4000; ++i) text += "abcd"[i * i % 7 % 4];
  std::ofstream(here() / "some.txt") << text;
  const auto run = [&](const Words& more) {
    return quasar(with_settings(kSmall,
                                Words{"data.context=12", "data.train=[\"some.txt\"]", "data.test_share=0.2",
                                      "training.steps=30", "evaluate.every=10"} +
                                    more,
                                "data."));
  };
  EXPECT_THAT(run({"data.name=text"}), prints("results: "));
  EXPECT_EQ(read_run_json(only_run()).at("vocabulary"), 256);
  EXPECT_THAT(run({"data.name=nanogpt", "data.vocabulary=100", "run.results=small"}),
              AllOf(fails_with(3, "some.txt: at byte "), fails_with(3, "not below the vocabulary's 100")));
  std::ofstream(here() / "some.txt") << text << "x";
  EXPECT_THAT(run({"data.name=nanogpt", "run.results=odd"}), fails_with(3, "ends within a token of 16 bits"));
}

TEST_F(LanguageCommand, ContradictionsAreRefusedWithTheirKeys) {  // E14
  EXPECT_THAT(train("a", {"data.context=100"}), fails_with(2, "data.context"));
  EXPECT_THAT(train("a", {"network.vocabulary=7"}), fails_with(2, "network.vocabulary"));
  EXPECT_THAT(train("a", {"data.name=cifar10"}), AllOf(fails_with(2, "data.name"), fails_with(2, "tiny_shakespeare")));
  EXPECT_THAT(train("a", {"network.name=resnet20"}), AllOf(fails_with(2, "network.name"), fails_with(2, "llama")));
  EXPECT_THAT(train("a", {"data.flip=true"}), fails_with(2, "data.flip"));
  EXPECT_THAT(train("a", {"evaluate.train_images=3"}), fails_with(2, "evaluate.train_images = 3: unknown here"));
  EXPECT_TRUE(runs("a").empty());
}

TEST_F(LanguageCommand, PlanAndDryRunBuildWithoutWriting) {
  Words plan = kSmall;
  plan.front() = "plan";
  EXPECT_THAT(quasar(plan), AllOf(prints("120 steps in "), prints(" parameters, K = 2: ")));
  EXPECT_THAT(train("none", {"--dry-run"}), AllOf(prints("first batch (4, 12) of windows; loss 2."),
                                                  prints("120 steps in "), prints("would train into none/language/")));
  EXPECT_THAT(quasar({"train", kExperiments / "cifar10.toml", "data.name=procedural_color", "run.results=none",
                      "learning_rate.peak=0.05", "--dry-run"}),
              AllOf(prints("269722 parameters, 1.1 MB"), prints("first batch (32, 3, 32, 32) of images; loss 2.")));
  EXPECT_FALSE(fs::exists(here() / "none"));
}

TEST_F(LanguageCommand, ADryRunLoadsTheStartWeights) {
  ASSERT_THAT(train("first"), exits_with(0));
  const std::string weights = "start.weights=" + only_run("first").string();
  const auto loss = [&](const Words& more) {
    const Outcome outcome = train("none", more + Words{"--dry-run"});
    EXPECT_THAT(outcome, prints("; loss "));
    return std::atof(outcome.out.substr(outcome.out.find("; loss ") + 7).c_str());
  };
  EXPECT_NEAR(loss({}), std::log(8.0), 0.05);
  EXPECT_LT(loss({weights}), 1.8) << "of two windows that it has learnt from";
  EXPECT_THAT(train("none", {weights, "network.width=32", "--dry-run"}),
              AllOf(fails_with(3, only_run("first")), fails_with(3, "has shape [")));
  EXPECT_THAT(train("none", {"start.weights=nowhere", "--dry-run"}), fails_with(4, "start.weights"));
  std::ofstream(here() / "damaged.safetensors") << "no weights";
  EXPECT_THAT(train("none", {"start.weights=damaged.safetensors", "--dry-run"}), fails_with(4, "damaged.safetensors"));
  EXPECT_FALSE(fs::exists(here() / "none"));
}

}  // namespace
}  // namespace quasar
