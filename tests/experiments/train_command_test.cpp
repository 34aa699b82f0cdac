// `quasar train` for images as its users meet it: real processes, signals, kills, full disks, nonsense.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>

#include <nlohmann/json.hpp>

#include "core/instruction_set.h"
#include "core/recorder.h"
#include "tests/distributed/free_port.h"
#include "tests/experiments/binary.h"

namespace quasar {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

/// Seconds of training with everything that a long run has: QSR, batch norm, augmentation, momentum, checkpoints.
const Words kSmall = {"train",
                      kExperiments / "cifar10.toml",
                      "data.name=procedural_color",
                      "data.procedural_train=640",
                      "data.procedural_test=200",
                      "network.name=cnn",
                      "network.width=8",
                      "batch.local_size=8",
                      "training.steps=150",
                      "learning_rate.warmup_steps=10",
                      "sync.alpha=0.4",
                      "evaluate.when=steps",
                      "evaluate.every=50",
                      "evaluate.batch_norm_batches=4",
                      "record.every=7",
                      "record.probe_every=30",
                      "checkpoint.every=16"};

/// kSmall with other settings; another rule has no alpha unless it is given.
Words small(const Words& more) {
  const auto names_rule = [](const std::string& word) { return word.starts_with("sync.rule="); };
  return with_settings(kSmall, more, std::any_of(more.begin(), more.end(), names_rule) ? "sync.alpha=" : "none");
}

class TrainCommand : public NetworkCommandLine {
 protected:
  Outcome train(const std::string& results, const Words& more = {}) const {
    return quasar(small(Words{"run.results=" + results} + more));
  }
  json summary(const std::string& results) const { return read_run_json(only_run(results)).at("summary"); }
  std::string hash(const std::string& results) const { return summary(results).at("parameter_hash"); }
  /// Steps, averages and evaluations without their times.
  std::string records(const std::string& results) const {
    std::string text;
    for (const char* series : {"steps", "averages", "evaluations"})
      for (json record : read_series(only_run(results), series)) record.erase("time"), text += record.dump() + "\n";
    return text;
  }
  /// Two processes under torchrun's variables, set by hand; what rank 0 said.
  Outcome train_under_torchrun(const std::string& results) const {
    const std::string port = std::to_string(free_port());
    std::vector<std::unique_ptr<RunningBinary>> ranks;
    for (const char* rank : {"0", "1"}) {
      const EnvironmentVariable r("RANK", rank), l("LOCAL_RANK", rank), w("WORLD_SIZE", "2"),
          a("MASTER_ADDR", "127.0.0.1"), p("MASTER_PORT", port);
      ranks.push_back(start(kSmall + Words{"run.results=" + results}));
    }
    const Outcome first = ranks[0]->wait(kDeadline);
    EXPECT_THAT(ranks[1]->wait(kDeadline), exits_with(0));
    return first;
  }
};

TEST_F(TrainCommand, ThreadsProcessesAndTorchrunGiveTheSameBits) {  // E6
  EXPECT_THAT(train("threads"), prints("results: "));
  EXPECT_THAT(train("processes", {"workers.processes=2"}), exits_with(0));
  EXPECT_THAT(train_under_torchrun("torchrun"), exits_with(0));
  EXPECT_EQ(hash("threads"), hash("processes"));
  EXPECT_EQ(hash("threads"), hash("torchrun"));
  EXPECT_EQ(records("threads"), records("processes"));
  EXPECT_EQ(records("threads"), records("torchrun"));
  EXPECT_EQ(only_run("threads").filename(), only_run("processes").filename()) << "where it runs is not what it is";
  EXPECT_THAT(train("threads"), prints("done before"));
  EXPECT_EQ(read_series(only_run("threads"), "averages").size(), read_series(only_run("processes"), "averages").size());
}

TEST_F(TrainCommand, AKilledProcessIsNamedAndTheSameCommandGoesOnToTheSameHash) {  // D1, C7
  ASSERT_THAT(train("whole"), exits_with(0));
  const std::string expected = hash("whole"), all = records("whole");
  // In the middle of the longest rounds, and just after an average.
  int folder = 0;
  for (const std::string fault : {"kill@rank=1,step=131,site=after_local_step",
                                  "kill@rank=0,step=90,site=before_local_step", "kill@rank=1,site=after_average"}) {
    const std::string results = "killed" + std::to_string(folder++);
    {
      const EnvironmentVariable plan("QUASAR_FAULT", fault);
      const Outcome broken = train(results, {"workers.processes=2", "workers.timeout=5"});
      EXPECT_THAT(broken, AllOf(fails_with(137, "killed by signal 9"), fails_with(137, fault.substr(0, 11)))) << fault;
    }
    EXPECT_FALSE(fs::exists(only_run(results) / "DONE"));
    EXPECT_THAT(train(results, {"workers.processes=2"}), exits_with(0));
    EXPECT_EQ(hash(results), expected) << fault;
    EXPECT_EQ(records(results), all) << fault;
  }
}

TEST_F(TrainCommand, SignalsSaveAtACommonStepAndTheSameCommandGoesOn) {  // C13
  ASSERT_THAT(train("whole"), exits_with(0));
  for (const int signal : {SIGTERM, SIGUSR1}) {
    for (const std::string where : {"threads", "processes"}) {
      const std::string results = where + std::to_string(signal);
      Words command = kSmall + Words{"run.results=" + results};
      if (where == "processes") command.push_back("workers.processes=2");
      const auto child = start(command);
      ASSERT_TRUE(becomes_true(
          [&] { return !runs(results).empty() && !read_text(runs(results).front() / "averages.jsonl").empty(); },
          kDeadline));
      child->send(signal);
      const Outcome outcome = child->wait(kDeadline);
      if (outcome.code == 0) continue;  // was done before it noticed
      EXPECT_THAT(outcome, fails_with(75, "the same command goes on"));
      EXPECT_EQ(read_run_json(only_run(results)).at("status"), "interrupted");
      EXPECT_THAT(quasar(command), exits_with(0));
      EXPECT_EQ(hash(results), hash("whole"));
      EXPECT_EQ(records(results), records("whole"));
    }
  }
}

class RealLauncher : public TrainCommand, public testing::WithParamInterface<Words> {};

TEST_P(RealLauncher, GivesTheBitsOfThreads) {
  const std::string launcher = GetParam().front();
  if (std::system(("command -v " + launcher + " >/dev/null 2>&1").c_str()) != 0)
    GTEST_SKIP() << launcher << " is not on PATH";
  RunningBinary launched("/usr/bin/env", GetParam() + Words{QUASAR_BINARY} + small({"run.results=launched"}), here());
  EXPECT_THAT(launched.wait(kDeadline), exits_with(0));
  ASSERT_THAT(train("threads"), exits_with(0));
  EXPECT_EQ(hash("launched"), hash("threads"));
}

INSTANTIATE_TEST_SUITE_P(TrainCommand, RealLauncher,
                         testing::Values(Words{"torchrun", "--no-python", "--nproc-per-node=2"},
                                         Words{"mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "2"},
                                         Words{"srun", "--ntasks=2"}),
                         [](const auto& launcher) { return launcher.param.front(); });

TEST_F(TrainCommand, EveryRankLogsToItsOwnFile) {
  EXPECT_THAT(train("logged", {"workers.processes=2", "workers.log_folder=logs", "training.steps=20"}), exits_with(0));
  EXPECT_THAT(read_text(here() / "logs/rank-000.log"), HasSubstr("results: "));
  EXPECT_TRUE(fs::exists(here() / "logs/rank-001.log"));
}

TEST_F(TrainCommand, ATimeLimitSavesInTime) {
  const Outcome outcome = train("limited", {"training.steps=1000000", "run.time_limit=5"});
  EXPECT_THAT(outcome, fails_with(75, "time limit"));
  EXPECT_LT(read_run_json(only_run("limited")).at("time").at("wall_seconds").get<double>(), 6.0);
}

TEST_F(TrainCommand, OneRanksNotANumberStopsAllBeforeItIsAveraged) {  // N1
  const EnvironmentVariable plan("QUASAR_FAULT", "nan@rank=1,step=20,site=before_local_step");
  for (const Words& where : {Words{}, Words{"workers.processes=2"}}) {
    const std::string results = where.empty() ? "threads" : "processes";
    const Outcome outcome = train(results, where);
    EXPECT_THAT(outcome, AllOf(fails_with(5, "worker 1"), fails_with(5, "nothing was averaged")));
    EXPECT_EQ(read_run_json(only_run(results)).at("status"), "diverged");
    for (const json& record : read_series(only_run(results), "averages")) EXPECT_FALSE(record.contains("nonfinite"));
  }
}

TEST_F(TrainCommand, ASkippedStepIsSaidAndCounted) {  // N1
  const EnvironmentVariable plan("QUASAR_FAULT", "nan@rank=1,step=20,site=before_local_step");
  const Outcome outcome = train("skipped", {"workers.processes=2", "training.on_nonfinite=skip"});
  EXPECT_THAT(outcome, exits_with(0));
  EXPECT_THAT(outcome.err, HasSubstr("worker 1 leaves out step 20"));
  EXPECT_EQ(read_run_json(only_run("skipped")).at("summary").at("skipped_steps"), 1);
}

TEST_F(TrainCommand, AFlippedBitIsFoundAtTheNextCheck) {  // D4
  const EnvironmentVariable plan("QUASAR_FAULT", "flip@rank=1");
  const Outcome outcome = train("flipped", {"workers.processes=2", "workers.check_replicas=1"});
  EXPECT_THAT(outcome,
              AllOf(fails_with(6, "the workers' parameters differ"), fails_with(6, "rank 1 from rank 0 in '")));
}

TEST_F(TrainCommand, AFullDiskIsFoundBeforeTheFirstStep) {  // C5, C4
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  // Larger than any record, smaller than a checkpoint's files.
  rlimit small = before;
  small.rlim_cur = 64 << 10;
  const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  const Outcome outcome = train("full", {"network.width=32"});
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, ignored);
  EXPECT_THAT(outcome, fails_with(7, "checkpoint"));
  EXPECT_TRUE(!fs::exists(only_run("full") / "steps.jsonl") || read_text(only_run("full") / "steps.jsonl").empty());
}

TEST_F(TrainCommand, ContradictionsAreRefusedWithBothKeysNamed) {
  const struct {
    Words settings;
    Words named;
  } cases[] = {
      {{"sync.rule=parallel", "outer.name=slowmo"}, {"outer.name", "sync.rule"}},
      {{"outer.name=slowmo", "learning_rate.final=0.0"}, {"outer.name", "learning_rate.final"}},
      {{"outer.name=slowmo", "sync.rule=constant", "sync.period=32"}, {"outer.name", "sync.switch_step"}},
      {{"averaging.momentum=average", "optimizer.name=adamw"}, {"averaging.momentum", "averaging.adam_m"}},
      {{"averaging.adam_v=reset"}, {"averaging.adam_v", "optimizer.name"}},
      {{"sync.rule=parallel", "averaging.momentum=reset"}, {"averaging.momentum", "sync.rule"}},
      {{"sync.rule=parallel", "workers.node_size=2"}, {"workers.node_size", "sync.rule"}},
      {{"data.order=replacement", "data.epoch=drop"}, {"data.epoch", "data.order"}},
      {{"data.mixup=1e308"}, {"data.mixup", "100"}},
      {{"norm_test.tolerance=0.8", "workers.count=1"}, {"norm_test.tolerance", "workers.count"}},
      {{"norm_test.tolerance=0.8", "batch.micro_size=3"}, {"batch.micro_size", "batch.local_size"}},
      {{"norm_test.tolerance=0.8", "norm_test.max_local_size=2"}, {"norm_test.max_local_size", "batch.local_size"}},
      {{"run.name=" + std::string(256, 'x')}, {"run.name", "200 bytes"}},
      {{"clip.norm=1.0", "clip.scope=global"}, {"clip.scope", "sync.rule"}},
      {{"workers.processes=2", "workers.threads=2"}, {"workers.threads", "workers.processes"}},
      {{"workers.processes=2", "workers.count=3"}, {"workers.count", "workers.processes"}},
      {{"workers.count=4", "workers.threads=2", "workers.node_size=2"}, {"workers.node_size", "workers.count"}},
      {{"sync.rule=parallel", "sync.switch_step=5"}, {"sync.switch_step", "sync.rule"}},
      {{"evaluate.ema=true"}, {"evaluate.ema", "ema.decay"}},
      {{"training.epochs=2"}, {"training.epochs", "training.steps"}},
      {{"batch.local_size=400", "data.epoch=drop"}, {"batch.local_size", "data."}},
      {{"batch.locl_size=4"}, {"batch.locl_size", "batch.local_size"}},
      {{"optimizer.name=adam"}, {"optimizer.name", "adamw"}},
      {{"network.name=resnet21"}, {"network.name", "resnet20"}},
  };
  for (const auto& c : cases) {
    const Outcome outcome = train("bad", c.settings);
    for (const std::string& name : c.named) EXPECT_THAT(outcome, fails_with(2, name)) << c.settings.front();
  }
  EXPECT_TRUE(runs("bad").empty());
}

TEST_F(TrainCommand, SlowTimeWithMomentumIsGivenAsSteps) {
  const Words constant = {"training.slow_time=0.1", "learning_rate.schedule=constant", "learning_rate.warmup_steps=0"};
  const auto dry = [&](const Words& more) {
    return quasar(with_settings(kSmall, constant + more, "training.steps=") + Words{"--dry-run"});
  };
  EXPECT_THAT(dry({}), AllOf(fails_with(2, "training.slow_time"), fails_with(2, "optimizer.momentum")));
  EXPECT_THAT(dry({"optimizer.momentum=0"}), exits_with(0));
}

TEST_F(TrainCommand, PlanKnowsTheBytesThatTheRunThenCounts) {
  Words plan = kSmall;
  plan[0] = "plan";
  plan.push_back("--json");
  const json planned = json::parse(quasar(plan).out);
  ASSERT_THAT(train("run"), exits_with(0));
  EXPECT_EQ(planned.at("averaged_bytes"), summary("run").at("averaged_bytes"));
  EXPECT_EQ(planned.at("rounds"), summary("run").at("averages"));
  plan.push_back("--measured=" + only_run("run").string());
  const double predicted = json::parse(quasar(plan).out).at("seconds");
  EXPECT_NEAR(predicted, summary("run").at("time").at("training_seconds").get<double>(), 1e-6 * predicted + 1e-9);
}

TEST_F(TrainCommand, TheNormTestsLargestBatchHoldsWithMicroBatchesToo) {
  // so strict a tolerance wants all it can get; of 17 samples four micro-batches of 4 are the most
  ASSERT_THAT(train("capped", {"norm_test.tolerance=0.01", "norm_test.max_local_size=17", "batch.micro_size=4",
                               "record.every=1", "training.steps=60", "sync.rule=constant", "sync.period=4"}),
              exits_with(0));
  std::int64_t largest = 0;
  for (const json& step : read_series(only_run("capped"), "steps"))
    largest = std::max(largest, step.at("local_batch").get<std::int64_t>());
  EXPECT_EQ(largest, 16);
}

TEST_F(TrainCommand, EpochsThatDropTheirLastBatchCountWholeOnes) {
  // 640 images are 35 batches of 2 x 9 and 10 left over
  ASSERT_THAT(train("drop", {"batch.local_size=9", "workers.count=2", "data.epoch=drop", "training.steps=70"}),
              exits_with(0));
  EXPECT_EQ(read_series(only_run("drop"), "evaluations").back().at("epoch"), 2.0);
}

TEST_F(TrainCommand, PlansAndTrainsEveryKindOfNetwork) {
  const Words tiny = {"network.width=16", "network.depth=2", "network.heads=2", "network.mlp_width=24",
                      "network.patch=8"};
  // A transformer's parameters: patches, positions, two blocks, norms and classes.
  const std::vector<std::pair<Words, std::int64_t>> cases = {
      {Words{"network.name=vit"} + tiny,
       (3 * 64 + 1) * 16 + 16 + 17 * 16 + 2 * (4 * 16 * 17 + 4 * 16 + (16 * 24 + 24) + (24 * 16 + 16)) + 32 + 170},
      {Words{"network.name=simple_vit"} + tiny,
       2 * 192 + 193 * 16 + 32 + 2 * (4 * 16 * 16 + 4 * 16 + (16 * 24 + 24) + (24 * 16 + 16)) + 32 + 170},
      // of 8 channels or more: with fewer, oneDNN's 1x1 convolutions for AVX2 write beyond their end (LibTorch 2.11)
      {{"network.name=resnet18", "network.width=8", "network.stem=small"}, 176'402},
      {{"network.name=resnet50", "network.width=8"}, 376'722}};
  if (best_instruction_set() < InstructionSet::x86_64_v4) {
    EXPECT_THAT(train("narrow", {"network.name=resnet18", "network.width=4", "network.channels_last=true"}),
                AllOf(fails_with(2, "network.channels_last"), fails_with(2, "a width of 8")));
  }
  for (const auto& [network, parameters] : cases) {
    const Words words = small(network + Words{"training.steps=4", "learning_rate.warmup_steps=0"});
    Words plan = words + Words{"--json"};
    plan[0] = "plan";
    EXPECT_EQ(json::parse(quasar(plan).out).at("parameters"), parameters) << network.front();
    EXPECT_THAT(quasar(words + Words{"run.results=runs"}), exits_with(0)) << network.front();
  }
}

TEST_F(TrainCommand, AnotherWorldSizeIsRefusedByTheCheckpoint) {  // C10
  const EnvironmentVariable plan("QUASAR_FAULT", "error@rank=0,step=40,site=before_local_step");
  EXPECT_THAT(train("run", {"workers.count=4", "workers.threads=2"}), fails_with(3, "fault"));
  const EnvironmentVariable none("QUASAR_FAULT", std::nullopt);
  EXPECT_THAT(train("run", {"workers.count=4", "workers.threads=4"}),
              AllOf(fails_with(4, "peers"), fails_with(4, "2")));
  EXPECT_THAT(train("run", {"workers.count=4", "workers.threads=2"}), exits_with(0));
}

TEST_F(TrainCommand, EveryMethodOfTheSourcesRuns) {
  const std::vector<Words> methods = {
      {"sync.rule=parallel"},
      {"sync.rule=constant", "sync.period=8"},
      {"sync.rule=inverse", "sync.beta=0.4"},
      {"sync.rule=power", "sync.alpha=0.4", "sync.power=3"},
      {"sync.rule=phases", "sync.phases=[[0, 2], [80, 16]]"},
      {"sync.rule=swap", "sync.switch_step=100"},
      {"sync.switch_step=60"},
      // During warm-up a round's learning rate is no longer its first one, by which SlowMo divides.
      {"outer.name=slowmo", "sync.switch_step=10"},
      {"outer.name=diloco", "optimizer.name=adamw", "learning_rate.peak=0.01", "sync.rule=constant", "sync.period=10"},
      {"optimizer.nesterov=true", "loss.label_smoothing=0.1", "data.mixup=0.2", "data.label_flip=0.1"},
      {"norm_test.tolerance=0.8", "norm_test.max_local_size=32", "batch.micro_size=4"},
      {"workers.count=4", "workers.node_size=2"},
      {"workers.count=8", "workers.threads=2", "data.order=replacement"},
      {"network.precision=bfloat16", "ema.decay=0.95"},
      {"network.precision=float64", "averaging.batch_norm=pooled", "averaging.momentum=average"},
  };
  std::vector<Words> commands;
  for (std::size_t i = 0; i < methods.size(); ++i)
    commands.push_back(small(Words{"run.results=m" + std::to_string(i), "evaluate.every=150"} + methods[i]));
  const auto outcomes = all_of_them(commands);
  for (std::size_t i = 0; i < methods.size(); ++i) {
    ASSERT_THAT(outcomes[i], exits_with(0)) << methods[i].front();
    const auto evaluations = read_series(only_run("m" + std::to_string(i)), "evaluations");
    EXPECT_LT(evaluations.back().at("loss").get<double>(), evaluations.front().at("loss").get<double>())
        << methods[i].front() << " does not learn";
  }
}

}  // namespace
}  // namespace quasar
