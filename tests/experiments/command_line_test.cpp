// The binary as a user meets it: what it prints, what it leaves on disk and the code it exits with.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "core/recorder.h"
#include "tests/experiments/binary.h"

namespace quasar {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using testing::AllOf;
using testing::Field;
using testing::HasSubstr;
using testing::Not;

// --- plan

json plan(const Outcome& outcome) {
  EXPECT_THAT(outcome, exits_with(0));
  return json::parse(outcome.out);
}

TEST_F(CommandLine, PlanReproducesThePublishedRounds) {
  const std::string vit = kExperiments / "presets/vit_b_qsr.toml", resnet = kExperiments / "presets/resnet152_qsr.toml";
  struct Case {
    Words words;
    std::int64_t rounds;
    double volume_percent;
  };
  // The paper reports 10.4 and 20.1 %.                          Gu et al. 2024
  const std::vector<Case> cases = {
      {{vit}, 9711, 10.3750},
      {{resnet}, 12539, 20.0946},
      {{vit, "learning_rate.schedule=linear"}, 8741, 9.339},
      {{vit, "learning_rate.schedule=cosine_step"}, 9880, 10.556},
      {{vit, "learning_rate.schedule=cosine_step", "learning_rate.peak=0.0078125"}, 9715, 10.379},
      {{vit, "sync.rule=inverse", "sync.beta=0.032"}, 13679, 14.614}};
  for (const auto& [words, rounds, volume_percent] : cases) {
    const json found = plan(quasar(Words{"plan", "--json"} + words));
    const auto periods = found.at("periods").get<std::vector<std::int64_t>>();
    std::int64_t sum = 0, sum_of_squares = 0;
    for (const auto period : periods) sum += period, sum_of_squares += period * period;
    EXPECT_EQ(found.at("rounds"), rounds);
    EXPECT_NEAR(found.at("volume_percent"), volume_percent, 6e-4);
    EXPECT_EQ(periods.size(), static_cast<std::size_t>(rounds));
    EXPECT_EQ(found.at("total_steps"), words[0] == vit ? 93600 : 62400);
    EXPECT_EQ(found.at("sum_of_periods"), sum);
    EXPECT_EQ(sum, found.at("total_steps"));
    EXPECT_EQ(found.at("sum_of_squared_periods"), sum_of_squares);
    EXPECT_EQ(found.at("last_period"), periods.back());
    EXPECT_EQ(found.at("longest_period"), *std::max_element(periods.begin(), periods.end()));
  }
  EXPECT_THAT(quasar({"plan", vit}), AllOf(prints("9711 rounds"), prints("10.3750 %"), prints("8142")));
}

TEST_F(CommandLine, OverridingTheRuleReplacesTheKeysOfTheFilesRule) {
  const std::string vit = kExperiments / "presets/vit_b_qsr.toml";
  const json found = plan(quasar({"plan", vit, "sync.rule=constant", "sync.period=4", "--json"}));
  EXPECT_EQ(found.at("periods"), json(std::vector<int>(23400, 4)));
}

TEST_F(CommandLine, ContradictoryOverridesAreRefused) {
  const std::string vit = kExperiments / "presets/vit_b_qsr.toml";
  for (const auto& [overrides, named] : std::vector<std::pair<Words, std::string>>{
           {{"sync.rule=constant", "sync.period=4", "sync.alpha=0.1"}, "sync.alpha"},
           {{"sync.beta=0.1"}, "sync.beta"},
           {{"sync.period=4"}, "sync.period"},
           {{"training.steps=5", "training.slow_time=1"}, "training.slow_time"},
           {{"training.slow_time=1"}, "training.slow_time"},
           {{"learning_rate.schedule=step", "learning_rate.base=2"}, "learning_rate"},
           {{"sync.alpha=0.1", "sync.alpha=0.2"}, "sync.alpha"},
           {{"sync.alpha"}, "sync.alpha"}})
    EXPECT_THAT(quasar(Words{"plan", vit} + overrides), fails_with(2, named)) << testing::PrintToString(overrides);
}

// --- bad input

TEST_F(CommandLine, EveryMisspeltKeyIsRefusedWithItsPlaceAndTheNearestKey) {
  auto settings = toy_settings();
  ASSERT_GT(settings.size(), 20u);
  std::vector<Words> commands;
  std::vector<std::string> places, keys;
  for (std::size_t i = 0; i < settings.size(); ++i)
    for (const std::string mistake : {"drop", "double", "swap"}) {
      const std::string key = settings[i].first;
      std::string wrong = key;
      std::size_t at = std::min(key.find('.') + 1 + i % 3, key.size() - 2);  // in the key's own name, not at its end
      while (mistake == "swap" && key[at] == key[at + 1]) ++at;
      if (mistake == "drop") wrong.erase(at, 1);
      if (mistake == "double") wrong.insert(at, 1, wrong[at]);
      if (mistake == "swap") std::swap(wrong[at], wrong[at + 1]);
      std::string text;
      for (const auto& [name, value] : settings) text += (name == key ? wrong : name) + " = " + value + "\n";
      const std::string file = mistake + std::to_string(i) + ".toml";
      write_text(here() / file, text);
      commands.push_back({"toy", file});
      places.push_back(file + ":" + std::to_string(i + 1) + ":");
      keys.push_back(key);
    }
  const auto outcomes = all_of_them(commands);
  for (std::size_t i = 0; i < outcomes.size(); ++i)
    EXPECT_THAT(outcomes[i], AllOf(fails_with(2, places[i]), fails_with(2, keys[i])));
  EXPECT_TRUE(runs().empty());
}

TEST_F(CommandLine, EveryWrongValueIsRefusedWithItsPlaceKeyAndValue) {
  const auto settings = toy_settings();
  std::vector<Words> commands;
  std::vector<std::string> messages;
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const auto& [key, value] = settings[i];
    const bool is_text = value[0] == '\'', is_choice = is_text && key.find("run.") != 0;
    Words wrong_values = is_text ? Words{"3"} : Words{"'many'", i % 2 ? "nan" : "inf"};
    if (is_choice) wrong_values.push_back("'nonsense'");
    if (!is_text && key != "landscape.start") wrong_values.push_back("-1");
    for (const auto& wrong : wrong_values) {
      std::string text;
      for (const auto& [name, usual] : settings) text += name + " = " + (name == key ? wrong : usual) + "\n";
      const std::string file = "wrong" + std::to_string(commands.size()) + ".toml";
      write_text(here() / file, text);
      commands.push_back({"toy", file});
      messages.push_back(file + ":" + std::to_string(i + 1) + ":" + std::to_string(key.size() + 4) + ": " + key +
                         " = " + wrong);
    }
  }
  ASSERT_GT(commands.size(), 50u);
  const auto outcomes = all_of_them(commands);
  for (std::size_t i = 0; i < outcomes.size(); ++i) EXPECT_THAT(outcomes[i], fails_with(2, messages[i]));
  EXPECT_TRUE(runs().empty());
}

TEST_F(CommandLine, OverridesAreCheckedLikeTheFileAndQuoteTheValueAsWritten) {
  for (const std::string wrong : {"sync.beta=-0.1", "sync.beta=nan", "sync.beta=1e400", "ensemble.replicas=1.5",
                                  "landscape.name=cirle", "run.name=a/b", "run.name=..", "record.points=0"}) {
    const auto equals = wrong.find('=');
    EXPECT_THAT(quasar({"toy", kCircle, wrong, "--dry-run"}),
                AllOf(fails_with(2, wrong.substr(0, equals)), fails_with(2, wrong.substr(equals + 1))))
        << wrong;
  }
  EXPECT_THAT(quasar({"toy", kCircle, "landscape.name=cirle"}), fails_with(2, "did you mean circle?"));
}

TEST_F(CommandLine, FileThatIsMissingOrNotTomlIsRefusedByName) {
  write_text(here() / "twice.toml", "[sync]\nbeta = 1.0\nbeta = 2.0\n");
  write_text(here() / "torn.toml", "[sync]\nbeta = \n");
  write_text(here() / "huge.toml", "[sync]\nbeta = 1e400\n");
  for (const std::string command : {"plan", "sde", "toy", "compare"})
    EXPECT_THAT(quasar({command, "absent.toml"}), fails_with(2, "absent.toml"));
  EXPECT_THAT(quasar({"plan", "twice.toml"}), fails_with(2, "twice.toml:3:"));
  EXPECT_THAT(quasar({"plan", "torn.toml"}), fails_with(2, "torn.toml:2:"));
  EXPECT_THAT(quasar({"plan", "huge.toml"}), fails_with(2, "huge.toml:2:"));
  EXPECT_THAT(quasar({"compare", "absent"}), fails_with(2, "absent"));
  EXPECT_THAT(quasar({"compare", "."}), fails_with(3, "run.json"));
}

TEST_F(CommandLine, CommandLineThatCannotBeUsedIsExplained) {
  EXPECT_THAT(quasar(Words{}), fails_with(2, "--help"));
  EXPECT_THAT(quasar(Words{"toy"}), fails_with(2, "FILE"));
  EXPECT_THAT(quasar({"toy", kValley, "--no-such-flag"}), fails_with(2, "--no-such-flag"));
  EXPECT_THAT(quasar(Words{"frobnicate"}), fails_with(2, "frobnicate"));
}

TEST_F(CommandLine, DamagedDataAreRefusedByName) {
  if (!has_networks()) GTEST_SKIP() << "quasar doctor: this binary was built without LibTorch";
  const std::string file = kExperiments / "label_noise.toml";
  EXPECT_THAT(quasar({"train", file, "data.root=absent"}), fails_with(3, "absent"));
  const std::map<std::string, std::vector<std::uint32_t>> shapes = {{"train-images-idx3-ubyte", {10, 4, 4}},
                                                                    {"train-labels-idx1-ubyte", {10}},
                                                                    {"t10k-images-idx3-ubyte", {10, 4, 4}},
                                                                    {"t10k-labels-idx1-ubyte", {10}}};
  const auto write_set = [&] {
    for (const auto& [name, shape] : shapes) write_bytes(here() / "set" / name, idx_bytes(shape));
  };
  const Words tiny = {"train", file, "data.root=set", "data.images=2", "data.held_out=2", "training.slow_time=0.01"};
  write_set();
  ASSERT_THAT(quasar(tiny + Words{"run.results=whole"}), exits_with(0));
  for (const auto& [name, shape] : shapes) {
    write_set();
    fs::resize_file(here() / "set" / name, idx_bytes(shape).size() - 1);
    EXPECT_THAT(quasar(tiny), fails_with(3, name));
  }
  EXPECT_TRUE(runs().empty());
}

TEST_F(CommandLine, BuiltInImagesAreEnoughForEveryShippedExperiment) {  // what a machine without network falls back to
  if (!has_networks()) GTEST_SKIP() << "quasar doctor: this binary was built without LibTorch";
  EXPECT_THAT(quasar({"train", kExperiments / "label_noise.toml", "data.name=procedural", "--dry-run"}), exits_with(0));
  EXPECT_THAT(quasar({"compare", kExperiments / "side_by_side.toml", "network.data=procedural", "--dry-run"}),
              prints("would run train into"));
  EXPECT_TRUE(runs().empty());
}

// --- how a run ends

TEST_F(CommandLine, DivergingRunKeepsItsRecordsAndSaysWhy) {
  // (1 - eta stiffness)^H is far beyond 1
  const Outcome outcome = quasar(
      {"toy", kCircle, "ensemble.replicas=64", "learning_rate.peak=0.4", "training.slow_time=50", "sync.beta=0.4"});
  EXPECT_THAT(outcome, AllOf(fails_with(5, "64 replicas"), fails_with(5, "results/circle/")));
  const json run = read_run_json(only_run());
  EXPECT_EQ(run.at("status"), "diverged");
  EXPECT_THAT(run.at("error"), HasSubstr("of 64 replicas"));
  EXPECT_GE(read_series(only_run(), "observables").size(), 1u);
  EXPECT_FALSE(fs::exists(only_run() / "DONE"));
}

const Words kEndless = {"ensemble.replicas=512", "training.slow_time=5000"};

TEST_F(CommandLine, InterruptedRunKeepsItsRecordsAndIsSaved) {
  const auto child = start(Words{"toy", kCircle} + kEndless);
  const auto has_record = [&] {
    const auto all = runs();
    return !all.empty() && !read_text(all.front() / "observables.jsonl").empty();
  };
  ASSERT_TRUE(becomes_true(has_record, kDeadline));
  child->send(SIGINT);
  EXPECT_THAT(child->wait(kDeadline), fails_with(75, "the same command goes on from there"));
  EXPECT_EQ(read_run_json(only_run()).at("status"), "interrupted");
  EXPECT_EQ(read_series(only_run(), "observables").size(), 1u);
  EXPECT_FALSE(fs::exists(only_run() / "DONE"));
}

TEST_F(CommandLine, ProgressIntoAPipeIsPlainLines) {
  const auto child = start(Words{"toy", kCircle} + kEndless);
  EXPECT_TRUE(becomes_true([&] { return child->errors_so_far().find('\n') != std::string::npos; }, kDeadline));
  child->send(SIGTERM);
  const Outcome outcome = child->wait(kDeadline);
  EXPECT_THAT(outcome, AllOf(fails_with(75, "toy:"), fails_with(75, "worker-steps/s")));
  EXPECT_EQ((outcome.out + outcome.err).find_first_of("\r\x1b"), std::string::npos) << outcome;
}

TEST_F(CommandLine, MoreReplicasThanMemoryIsAUsageError) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the address sanitizer needs more addresses than the limit leaves";
#endif
  rlimit before{};
  getrlimit(RLIMIT_AS, &before);
  rlimit small = before;
  small.rlim_cur = rlim_t{2} << 30;
  setrlimit(RLIMIT_AS, &small);
  const Outcome outcome = quasar({"toy", kValley, "ensemble.replicas=1000000000"});
  setrlimit(RLIMIT_AS, &before);
  EXPECT_THAT(outcome, fails_with(2, "out of memory; ask for fewer"));
  EXPECT_EQ(read_run_json(only_run()).at("status"), "failed");
}

TEST_F(CommandLine, ResultsThatCannotBeWrittenEndWithTheStorageCode) {
  write_text(here() / "a_file", "mine");
  for (const std::string command : {"toy", "sde"})
    EXPECT_THAT(quasar({command, kValley, "run.results=a_file/below"}), fails_with(7, "a_file/below"));
  EXPECT_EQ(read_text(here() / "a_file"), "mine");
}

// --- results folders

TEST_F(CommandLine, TheSameCommandAgainSaysDoneAndDoesNothing) {
  const Words command = {"toy", kValley, "ensemble.replicas=64"};
  ASSERT_THAT(quasar(command), prints("valley inverse"));
  const std::string about = read_text(only_run() / "run.json");
  const auto written = fs::last_write_time(only_run() / "observables.jsonl");
  EXPECT_THAT(quasar(command), prints("done before"));
  EXPECT_EQ(read_text(only_run() / "run.json"), about);
  EXPECT_EQ(fs::last_write_time(only_run() / "observables.jsonl"), written);
}

TEST_F(CommandLine, ASeedGivesTheSameBytesInAnyFolderAndOnAnyNumberOfThreads) {
  const EnvironmentVariable no_python("QUASAR_PYTHON", "/nonexistent/python");
  for (const auto& [command, threads] : {std::pair("toy", "ensemble.threads"), std::pair("sde", "sde.threads")}) {
    const auto records = [&](const std::string& results, const std::string& seed, const std::string& count) {
      EXPECT_THAT(quasar({command, kCircle, "ensemble.replicas=64", "sde.paths=64", "run.results=" + results,
                          "run.seed=" + seed, threads + std::string("=") + count}),
                  exits_with(0));
      return read_text(only_run(results) / "observables.jsonl");
    };
    const std::string prefix = command, first = records(prefix + "1", "7", "1");
    EXPECT_EQ(records(prefix + "2", "7", "2"), first);
    EXPECT_NE(records(prefix + "3", "8", "1"), first);
    EXPECT_EQ(only_run(prefix + "1").filename(), only_run(prefix + "2").filename())
        << "the number of threads changes no number, so it must not change the hash";
  }
}

TEST_F(CommandLine, TheConfigurationInAResultsFolderIsTheRun) {
  const EnvironmentVariable no_python("QUASAR_PYTHON", "/nonexistent/python");
  for (const std::string& file : {kValley, kCircle})
    for (const std::string command : {"toy", "sde"}) {
      const std::string results = command + fs::path(file).stem().string(), again = results + "again";
      ASSERT_THAT(quasar({command, file, "ensemble.replicas=64", "sde.paths=8", "run.results=" + results}),
                  exits_with(0));
      ASSERT_THAT(quasar({command, only_run(results) / "config.toml", "run.results=" + again}), exits_with(0));
      EXPECT_EQ(only_run(again).filename(), only_run(results).filename());
      EXPECT_EQ(read_text(only_run(again) / "observables.jsonl"), read_text(only_run(results) / "observables.jsonl"));
    }
}

// --- help

TEST_F(CommandLine, HelpAndVersionNameWhatTheyShould) {
  EXPECT_THAT(quasar({"--version"}), prints("quasar 0."));
  const Outcome help = quasar({"--help"});
  const Words commands = {"plan", "sde", "toy", "train", "compare", "export", "doctor"};
  for (const auto& command : commands) EXPECT_THAT(help, prints("\n  " + command + " "));
  EXPECT_THAT(help, AllOf(prints("Exit codes"), prints("experiments/side_by_side.toml")));
  for (const auto& command : commands) {
    const Outcome own = quasar({command, "--help"});
    EXPECT_THAT(own, prints("quasar " + command));
    if (command == "doctor" || command == "export") continue;
    EXPECT_THAT(
        own, AllOf(prints("section.key=value"), prints("Example"), prints(command == "plan" ? "--json" : "--dry-run")));
  }
}

TEST_F(CommandLine, DoctorSaysWhatThisMachineHas) {
  const Outcome outcome = quasar({"doctor"});
  for (const std::string line :
       {"instruction set", "LibTorch", "CUDA", "NCCL", "Python", "Fashion-MNIST", "MNIST", "disk"})
    EXPECT_THAT(outcome, prints("\n" + line + " "));
}

TEST_F(CommandLine, DryRunShowsTheSettingsAndWritesNothing) {
  for (const std::string command : {"toy", "sde"})
    EXPECT_THAT(quasar({command, kValley, "--dry-run"}), AllOf(prints("results/valley/"), prints("sync.beta = 1.0")));
  EXPECT_TRUE(runs().empty());
}

}  // namespace
}  // namespace quasar
