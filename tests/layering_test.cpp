#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>

namespace {

namespace fs = std::filesystem;
const fs::path kRoot = QUASAR_SOURCE_DIR;

// architecture: core <- { sde, toy_models, distributed } <- experiments
const std::map<std::string, std::set<std::string>> kAllowed = {
    {"core", {"core"}},
    {"sde", {"core", "sde"}},
    {"toy_models", {"core", "toy_models"}},
    {"distributed", {"core", "distributed"}},
    {"experiments", {"core", "sde", "toy_models", "distributed", "experiments"}}};

bool is_source(const fs::path& file) {
  return std::set<std::string>{".h", ".cpp", ".cu", ".cuh"}.contains(file.extension().string());
}

template <class Visit>
void for_each_include(const Visit& visit) {
  const std::regex include(R"re(^\s*#\s*include\s*[<"]([^>"]+)[>"])re");
  for (const auto& [folder, allowed] : kAllowed)
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
      if (!is_source(entry.path())) continue;
      std::ifstream in(entry.path());
      std::string line;
      for (std::smatch match; std::getline(in, line);)
        if (std::regex_search(line, match, include)) visit(folder, entry.path(), match[1].str());
    }
}

TEST(Layering, FoldersIncludeOnlyWhatTheyMay) {
  int seen = 0;
  for_each_include([&](const std::string& folder, const fs::path& file, const std::string& included) {
    const std::string target = included.substr(0, included.find('/'));
    if (!kAllowed.contains(target)) return;
    ++seen;
    EXPECT_TRUE(kAllowed.at(folder).contains(target)) << file << " includes " << included;
  });
  EXPECT_GT(seen, 50) << "the test looks in the wrong place";
}

TEST(Layering, TorchIsIncludedOnlyUnderDistributedAndByTheNetworkCommands) {
  for_each_include([](const std::string& folder, const fs::path& file, const std::string& included) {
    const bool torch = included.starts_with("torch/") || included.starts_with("ATen/") || included.starts_with("c10");
    const bool network_command = folder == "experiments" && (file.filename().string().starts_with("network_") ||
                                                             file.filename().string().starts_with("task_training") ||
                                                             file.filename().string().starts_with("train"));
    EXPECT_TRUE(!torch || folder == "distributed" || network_command) << file << " includes " << included;
  });
}

TEST(Layering, CudaSourcesNeverSeeTorch) {
  for_each_include([](const std::string&, const fs::path& file, const std::string& included) {
    EXPECT_FALSE(file.extension() == ".cu" && included.starts_with("torch/")) << file << " includes " << included;
  });
}

TEST(Layering, NoFileIsLongerThanFourHundredLines) {
  for (const auto& [folder, allowed] : kAllowed)
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
      if (!is_source(entry.path())) continue;
      std::ifstream in(entry.path());
      int lines = 0;
      for (std::string line; std::getline(in, line);) ++lines;
      EXPECT_LE(lines, 400) << entry.path();
    }
}

}  // namespace
