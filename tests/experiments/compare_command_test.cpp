// `quasar compare` as a user meets it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

class CompareCommand : public CommandLine {};

TEST_F(CompareCommand, SetsATheoryBesideAMeasurement) {
  const EnvironmentVariable no_python("QUASAR_PYTHON", "/nonexistent/python");
  ASSERT_THAT(quasar({"sde", kValley, "run.results=theory"}), exits_with(0));
  ASSERT_THAT(quasar({"toy", kValley, "run.results=toy", "ensemble.replicas=64"}), exits_with(0));
  EXPECT_THAT(quasar({"compare", only_run("theory"), only_run("toy")}),
              AllOf(prints("| valley y | inverse | 0.01 | 1 |"), prints("table.md"), prints("draw.py")));
  const auto rows = read_series(only_run(), "table");
  ASSERT_GE(rows.size(), 1u);
  const auto last_y = [&](const std::string& results) -> double {
    return read_series(only_run(results), "observables").back().at("observables").at("y").at("mean");
  };
  EXPECT_NEAR(rows[0].at("predicted"), last_y("theory"), 1e-9);  // interpolated in slow time
  EXPECT_NEAR(rows[0].at("measured"), last_y("toy"), 1e-9);
  EXPECT_EQ(json::parse(read_text(only_run() / "parts.json")).at("parts").size(), 2u);
}

TEST_F(CompareCommand, LeavesOutWhatHasNoObservablesAndSaysWhy) {
  const EnvironmentVariable no_python("QUASAR_PYTHON", "/nonexistent/python");
  ASSERT_THAT(quasar({"toy", kValley, "run.results=toy", "ensemble.replicas=64"}), exits_with(0));
  ASSERT_THAT(quasar({"toy", kValley, "run.results=sweep", "ensemble.replicas=64", "sweep.K=[1, 2]"}), exits_with(0));
  const fs::path failed = here() / "failed";
  fs::copy(only_run("toy"), failed);
  std::ofstream(failed / "observables.jsonl") << "";
  Words folders = {"compare", failed, only_run("toy")};
  for (const fs::path& folder : runs("sweep")) folders.push_back(folder);
  const Outcome outcome = quasar(folders);
  EXPECT_THAT(outcome, prints("table.md"));
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("failed' is left out: it has no observables over slow time (status done)"),
                                 HasSubstr("is left out: '")));
  EXPECT_EQ(json::parse(read_text(only_run() / "parts.json")).at("parts").size(), 3u) << "the run and the sweep's two";
}

TEST_F(CompareCommand, NeverPairsRunsOfDifferentSettings) {
  const EnvironmentVariable no_python("QUASAR_PYTHON", "/nonexistent/python");
  ASSERT_THAT(quasar({"toy", kValley, "run.results=toy", "ensemble.replicas=64"}), exits_with(0));
  for (const std::string other : {"sync.beta=0.1", "workers.count=8", "landscape.start=0.3"}) {
    const std::string results = other.substr(0, other.find('='));
    ASSERT_THAT(quasar({"sde", kValley, "run.results=" + results, other}), exits_with(0));
    const Outcome outcome = quasar({"compare", only_run(results), only_run("toy")});
    EXPECT_THAT(outcome.out, Not(HasSubstr("| valley y | inverse |"))) << other;
    EXPECT_THAT(outcome.out + outcome.err, HasSubstr(only_run("toy").filename())) << "what is left out is named";
  }
}

TEST_F(CompareCommand, TinyMainJobLeavesTableRecordsAndFigure) {
  const bool draws = draws_figures();
  Words command = {"compare", kExperiments / "side_by_side.toml"};
  for (const std::string tiny : {"slow_time=0.02", "beta=0.1", "alpha=0.05", "sde_steps=10"})
    for (const std::string section : {"valley.", "circle.", "network."})
      command.push_back(section + (section + tiny == "network.slow_time=0.02" ? "slow_time=0.005" : tiny));
  command =
      command + Words{"valley.replicas=256", "circle.replicas=256",  "circle.paths=64",  "network.images=4",
                      "network.width=4",     "network.seeds=2",      "network.points=2", "network.data=procedural",
                      "network.held_out=50", "network.control=false"};
  const bool networks = has_networks();
  const Outcome first = quasar(command);
  ASSERT_THAT(first, AllOf(prints("| valley y | qsr |"), prints("| circle cos_2phi | inverse |"), prints("table.md")));
  EXPECT_EQ(first.out.find("| network trace_hessian | sgd |") != std::string::npos, networks);
  EXPECT_EQ(first.err.find("left out, this binary was built without LibTorch") == std::string::npos, networks);
  EXPECT_EQ((first.out + first.err).find_first_of("\r\x1b"), std::string::npos);
  const fs::path folder = only_run("results/side_by_side");
  for (const std::string file : {"table.md", "table.jsonl", "parts.json", "DONE"})
    EXPECT_GT(fs::file_size(folder / file), 0u);
  for (const auto& run : runs()) EXPECT_EQ(read_run_json(run).at("status"), "done") << run;
  const json parts = json::parse(read_text(folder / "parts.json"));
  for (const auto& part : parts.at("parts"))
    EXPECT_TRUE(fs::exists(folder / part.at("folder").get<std::string>() / "DONE")) << part;
  if (draws) {
    EXPECT_EQ(read_text(folder / "side_by_side.png").substr(1, 3), "PNG");
    EXPECT_EQ(read_text(folder / "side_by_side.pdf").substr(0, 4), "%PDF");
  }
  const EnvironmentVariable no_python("QUASAR_PYTHON", "/nonexistent/python");  // saves the drawing's time
  const Outcome again = quasar(command);
  EXPECT_THAT(again, exits_with(0));
  EXPECT_THAT(again.out + again.err, HasSubstr("done before"));
}

}  // namespace
}  // namespace quasar
