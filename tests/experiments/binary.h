#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "core/subprocess.h"
#include "tests/child_process.h"
#include "tests/distributed/temporary_folder.h"

namespace quasar {

namespace fs = std::filesystem;
const fs::path kExperiments = fs::path(QUASAR_SOURCE_DIR) / "experiments";
const std::string kValley = kExperiments / "valley.toml", kCircle = kExperiments / "circle.toml";
constexpr std::chrono::seconds kDeadline{120};

inline Words operator+(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// A command with other settings, which replace its own of the same keys, and without those that begin with `unwanted`.
inline Words with_settings(const Words& command, const Words& settings, const std::string& unwanted = "none") {
  const auto key = [](const std::string& word) { return word.substr(0, word.find('=')); };
  Words words;
  for (const std::string& word : command) {
    const auto is_same = [&](const std::string& other) { return key(other) == key(word); };
    if (std::none_of(settings.begin(), settings.end(), is_same) && !word.starts_with(unwanted)) words.push_back(word);
  }
  return words + settings;
}

inline auto exits_with(int code) { return testing::Field("code", &Outcome::code, code); }
inline auto fails_with(int code, const std::string& message) {
  return testing::AllOf(exits_with(code), testing::Field("stderr", &Outcome::err, testing::HasSubstr(message)));
}
inline auto prints(const std::string& text) {
  return testing::AllOf(exits_with(0), testing::Field("stdout", &Outcome::out, testing::HasSubstr(text)));
}

/// A temporary folder to run the binary in.
class CommandLine : public testing::Test {
 protected:
  const fs::path& here() const { return folder_.path(); }
  std::unique_ptr<RunningBinary> start(const Words& words) const {
    return std::make_unique<RunningBinary>(QUASAR_BINARY, words, here());
  }
  Outcome quasar(const Words& words) const { return start(words)->wait(kDeadline); }
  /// Several commands, two at a time.
  std::vector<Outcome> all_of_them(const std::vector<Words>& commands) const {
    std::vector<Outcome> outcomes;
    for (std::size_t i = 0; i < commands.size(); i += 2) {
      const auto first = start(commands[i]), second = i + 1 < commands.size() ? start(commands[i + 1]) : nullptr;
      outcomes.push_back(first->wait(kDeadline));
      if (second) outcomes.push_back(second->wait(kDeadline));
    }
    return outcomes;
  }
  bool has_networks() const { return quasar({"doctor"}).out.find("not built: no networks") == std::string::npos; }
  static bool draws_figures() { return run_subprocess({python_interpreter(), "-c", "import matplotlib"}) == 0; }
  /// The results folders RESULTS/NAME/HASH.
  std::vector<fs::path> runs(const std::string& results = "results") const {
    std::set<fs::path> found;
    if (fs::exists(here() / results))
      for (const auto& entry : fs::recursive_directory_iterator(here() / results))
        if (entry.path().filename() == "run.json") found.insert(entry.path().parent_path());
    return {found.begin(), found.end()};
  }
  fs::path only_run(const std::string& results = "results") const {
    const auto all = runs(results);
    if (all.size() != 1) throw std::runtime_error(results + " holds " + std::to_string(all.size()) + " runs, not 1");
    return all.front();
  }
  /// Every key of `quasar toy`, resolved, as written by the command itself.
  std::vector<std::pair<std::string, std::string>> toy_settings() const {
    std::istringstream text(quasar({"toy", kCircle, "ensemble.replicas=64", "--dry-run"}).out);
    std::vector<std::pair<std::string, std::string>> settings;
    for (std::string line; std::getline(text, line);)
      if (const auto equals = line.find(" = "); equals != std::string::npos)
        settings.emplace_back(line.substr(0, equals), line.substr(equals + 3));
    return settings;
  }

 private:
  TemporaryFolder folder_;
};

/// The same for commands that need LibTorch.
class NetworkCommandLine : public CommandLine {
 protected:
  void SetUp() override {
    if (!has_networks()) GTEST_SKIP() << "quasar doctor: this binary was built without LibTorch";
  }
};

}  // namespace quasar
