// I11: paths and names that a user may well have, and paths that lead nowhere.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "core/recorder.h"
#include "tests/experiments/small_training.h"

namespace quasar {
namespace {

constexpr std::size_t kLongestComponent = 255, kLongestName = 200;

/// As a value of TOML, whose strings may be escaped as JSON's are.
std::string quoted(const std::string& text) { return nlohmann::json(text).dump(); }

Words odd_names() {
  std::string accents;
  for (int i = 0; i < 127; ++i) accents += "é";
  return {"two words",
          "Größe 猫",
          "line\nbreak",
          "tab\tand \"every\" 'quote' $(touch ran) `touch ran`",
          "back\\slash %s%n * ~",
          "[table] = #1",
          "\x1b[31m",
          std::string(kLongestComponent, 'x'),
          accents + "x"};
}

class Paths : public CommandLine {
 protected:
  void SetUp() override {
    write_text(here() / "a_file", "mine");
    fs::create_symlink("loop", here() / "loop");
  }
  void TearDown() override { EXPECT_FALSE(fs::exists(here() / "ran")); }

  static Words toy(const std::string& file, const Words& more) {
    return Words{"toy", file, "ensemble.replicas=64"} + more;
  }
  void write_problem(const std::string& folder) const {
    fs::create_directories(here() / folder);
    fs::copy(kValley, here() / folder / "valley.toml");
    write_text(here() / folder / "rows", "+1 1:1 2:0.5\n-1 1:-1\n+1 2:1\n-1 1:-0.5 2:-1\n");
    write_text(here() / folder / "convex.toml",
               "convex.regularization = 0.1\nconvex.max_gradients = 1000\nworkers.counts = [1]\nsync.periods = [1]\n");
  }

  EnvironmentVariable no_python_{"QUASAR_PYTHON", "/nonexistent/python"};
};

TEST_F(Paths, OfAnyNameAreReadWrittenAndReadAgain) {
  for (const std::string& name : odd_names()) {
    SCOPED_TRACE(name);
    write_problem(name);
    ASSERT_THAT(quasar(toy(name + "/valley.toml", {"run.results=" + quoted(name)})), prints("results: " + name));
    const fs::path run = only_run(name);
    EXPECT_THAT(quasar({"toy", run / "config.toml"}), prints("done before")) << "its results are in the same folder";
    EXPECT_THAT(quasar({"compare", fs::relative(run, here())}), prints("table.md"));
    EXPECT_THAT(quasar({"convex", name + "/convex.toml", "data.file=" + quoted(name + "/rows")}), exits_with(0));
    EXPECT_THAT(quasar({"plan", name + "/absent.toml"}), fails_with(2, "'" + name + "/absent.toml'"));
  }
}

TEST_F(Paths, ARunMayHaveAnyNameThatFits) {
  for (const std::string& name : odd_names()) {
    const Outcome outcome = quasar(toy(kValley, {"run.name=" + quoted(name)}));
    if (name.size() <= kLongestName) {
      EXPECT_THAT(outcome, prints("results: results/" + name + "/"));
      EXPECT_EQ(read_run_json(only_run("results/" + name)).at("name"), name);
    } else {
      EXPECT_THAT(outcome, AllOf(fails_with(2, name), fails_with(2, "200 bytes")));
    }
  }
}

TEST_F(Paths, ThatAreNotUtf8AreReadAsFilesAndRefusedAsSettings) {
  write_problem("\xff\xfe");
  EXPECT_THAT(quasar(toy("\xff\xfe/valley.toml", {})), exits_with(0));
  for (const std::string value : {"\xff\xfe", "\"\xff\xfe\"", "two words", "\"line\nbreak\""})
    EXPECT_THAT(quasar(toy(kValley, {"run.results=" + value})), fails_with(2, "'run.results=" + value + "'"));
}

TEST_F(Paths, ThatLeadNowhereAreRefusedByName) {
  const std::string too_long(kLongestComponent + 1, 'x');
  write_problem(".");
  for (const std::string& place : {std::string("absent"), std::string("a_file"), std::string("loop"), too_long}) {
    const std::string path = place + "/run";
    const auto says = [&](int code) { return fails_with(code, path); };
    Words commands = {"plan", "sde", "toy", "convex", "compare"};
    if (has_networks()) commands.emplace_back("train");
    for (const std::string& command : commands) EXPECT_THAT(quasar({command, path + ".toml"}), says(2)) << command;
    for (const std::string command : {"compare", "export"})
      EXPECT_THAT(quasar({command, path}), fails_with(2, "'" + path + "'")) << command;
    if (place != "absent") {
      EXPECT_THAT(quasar({"toy", kValley, "run.results=" + path}), says(place == "a_file" ? 7 : 2));
    }
    EXPECT_THAT(quasar({"convex", "convex.toml", "data.file=" + path}), says(3));
    EXPECT_THAT(quasar({"convex", "convex.toml", "data.name=a9a", "data.root=" + path}), says(3));
    EXPECT_THAT(quasar({"merge", path, path}), says(3));
    EXPECT_THAT(quasar({"plan", kValley, "--measured=" + path}), says(3));
  }
  EXPECT_THAT(quasar({"plan", "."}), fails_with(2, "'.'"));
  ASSERT_THAT(quasar(toy(kValley, {"run.results=toy"})), exits_with(0));
  EXPECT_THAT(quasar({"plan", kValley, "--measured=" + only_run("toy").string()}), fails_with(3, only_run("toy")));
  EXPECT_EQ(read_text(here() / "a_file"), "mine");
}

/// Folders without a permission, looked at by somebody whom permissions bind.
class LockedPaths : public Paths {
 protected:
  void SetUp() override {
    Paths::SetUp();
    fs::permissions(here(), fs::perms::all);
    if (as_a_user({"--version"}).code != 0) GTEST_SKIP() << "no other user can start the binary";
    write_problem("locked");
  }
  void TearDown() override {
    if (fs::exists(here() / "locked")) allow(fs::perms::owner_all);
    Paths::TearDown();
  }
  void allow(fs::perms permissions) const { fs::permissions(here() / "locked", permissions); }
  Outcome as_a_user(const Words& words) const {
    if (geteuid() != 0) return quasar(words);
    const Words nobody = {"--reuid=65534", "--regid=65534", "--clear-groups", QUASAR_BINARY};
    return RunningBinary("/usr/bin/setpriv", nobody + words, here()).wait(kDeadline);
  }
};

TEST_F(LockedPaths, AReadOnlyFolderIsReadFromAndNamedWhereItWouldBeWrittenTo) {
  allow(fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read | fs::perms::others_exec);
  EXPECT_THAT(as_a_user(toy("locked/valley.toml", {})), exits_with(0));
  EXPECT_THAT(as_a_user({"convex", "locked/convex.toml", "data.file=locked/rows"}), exits_with(0));
  for (const Words& command :
       {Words{"toy", kValley}, {"sde", kValley}, {"convex", "locked/convex.toml", "data.file=locked/rows"}})
    EXPECT_THAT(as_a_user(command + Words{"run.results=locked"}), fails_with(7, "'locked/")) << command.front();
}

TEST_F(LockedPaths, AFolderThatMayNotBeEnteredIsNamed) {
  allow(fs::perms::none);
  EXPECT_THAT(as_a_user({"plan", "locked/valley.toml"}), fails_with(2, "'locked/valley.toml'"));
  EXPECT_THAT(as_a_user({"merge", "locked/a", "locked/b"}), fails_with(3, "'locked/a'"));
  EXPECT_THAT(as_a_user(toy(kValley, {"run.results=locked"})), fails_with(2, "'locked/"));
  for (const std::string command : {"compare", "export"})
    EXPECT_THAT(as_a_user({command, "locked/run"}), fails_with(2, "'locked/run'")) << command;
  write_text(here() / "some.toml", "convex.regularization = 0.1\n");
  EXPECT_THAT(as_a_user({"convex", "some.toml", "data.file=locked/rows"}), fails_with(3, "locked/rows"));
}

class TrainingPaths : public SmallTraining {};

TEST_F(TrainingPaths, OfAnyNameServeDataResultsLogsAndWeights) {
  for (const std::string name : {"two words", "Größe 猫", "line\nbreak \"and\" 'quotes' \\ %s"}) {
    SCOPED_TRACE(name);
    write_images(name, 40, 20);
    const Words settings = {"data.root=" + quoted(name), "workers.log_folder=" + quoted(name + "/logs"),
                            "workers.processes=2"};
    ASSERT_THAT(quasar(training(quoted(name), settings)), exits_with(0));
    EXPECT_TRUE(fs::exists(here() / name / "logs/rank-001.log"));
    const std::string weights = "start.weights=" + quoted(fs::relative(only_run(name), here()));
    EXPECT_THAT(quasar(training("other", Words{weights, "run.name=" + quoted(name)} + settings)), exits_with(0));
  }
}

TEST_F(TrainingPaths, ThatLeadNowhereAreRefusedByName) {
  write_images("images", 40, 20);
  write_text(here() / "a_file", "mine");
  const std::string too_long(kLongestComponent + 1, 'x');
  for (const std::string& place : {std::string("absent"), std::string("a_file"), too_long}) {
    const std::string path = place + "/here";
    EXPECT_THAT(quasar(training("results", {"data.root=" + path})), fails_with(3, path));
    EXPECT_THAT(quasar(training("results", {"data.root=images", "start.weights=" + path})), fails_with(4, path));
  }
}

}  // namespace
}  // namespace quasar
