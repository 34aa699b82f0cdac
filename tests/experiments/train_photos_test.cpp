// `quasar train` on photographs: folders, shards, threads, kills and damage.

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include <nlohmann/json.hpp>

#include "core/recorder.h"
#include "tests/distributed/tar_corpus.h"
#include "tests/distributed/written_photos.h"
#include "tests/experiments/binary.h"

namespace quasar {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const Words kSmall = {"train",
                      kExperiments / "photographs.toml",
                      "data.size=24",
                      "network.width=4",
                      "batch.local_size=4",
                      "training.epochs=3",
                      "data.mixup=0.2",
                      "data.label_flip=0.1",
                      "learning_rate.warmup_steps=2",
                      "evaluate.batch_norm_batches=2",
                      "record.every=1",
                      "checkpoint.every=3"};

class TrainPhotos : public CommandLine {
 protected:
  void SetUp() override {
    if (!has_networks()) GTEST_SKIP() << "quasar doctor: this binary was built without LibTorch";
    write_image_folder(here() / "photos", 12);
  }
  Outcome train(const std::string& results, const Words& more = {}) const {
    return quasar(kSmall + Words{"run.results=" + results} + more);
  }
  std::string hash(const std::string& results) const {
    return read_run_json(only_run(results)).at("summary").at("parameter_hash");
  }
  /// The folder's photographs as two shards a split, in the same order.
  void write_shards() const {
    for (const std::string split : {"train", "val"}) {
      std::vector<TarMember> members;
      for (int kind = 0; kind < 3; ++kind) {
        std::vector<fs::path> files;
        for (const auto& entry : fs::directory_iterator(here() / "photos" / split / ("class " + std::to_string(kind))))
          files.push_back(entry.path());
        std::sort(files.begin(), files.end());
        for (const fs::path& file : files) {
          std::ifstream stream(file, std::ios::binary);
          const std::string key = std::to_string(kind) + "/" + file.stem().string();
          members.push_back({.name = key + ".jpg", .bytes = {std::istreambuf_iterator<char>(stream), {}}});
          members.push_back({.name = key + ".cls", .bytes = std::to_string(kind)});
        }
      }
      const auto middle = members.begin() + 4;
      write_tar(here() / "shards" / split / "a.tar", {members.begin(), middle});
      write_tar(here() / "shards" / split / "b.tar", {middle, members.end()});
    }
  }
};

TEST_F(TrainPhotos, ReadersShardsAndKillsDoNotChangeABit) {
  ASSERT_THAT(train("one", {"data.root=photos"}), prints("results: "));
  const std::string expected = hash("one");
  EXPECT_THAT(train("three", {"data.root=photos", "data.readers=3"}), exits_with(0));
  EXPECT_EQ(hash("three"), expected);
  EXPECT_EQ(only_run("one").filename(), only_run("three").filename()) << "how it is read is not what it is";
  EXPECT_THAT(train("processes", {"data.root=photos", "workers.processes=2"}), exits_with(0));
  EXPECT_EQ(hash("processes"), expected);
  write_shards();
  EXPECT_THAT(train("shards", {"data.root=shards", "data.name=webdataset", "data.readers=2"}), exits_with(0));
  EXPECT_EQ(hash("shards"), expected);
  {
    const EnvironmentVariable plan("QUASAR_FAULT", "kill@rank=0,step=8,site=before_local_step");
    EXPECT_THAT(train("killed", {"data.root=photos"}), testing::Not(exits_with(0)));
  }
  EXPECT_THAT(train("killed", {"data.root=photos", "data.readers=2"}), exits_with(0));
  EXPECT_EQ(hash("killed"), expected);
}

TEST_F(TrainPhotos, OtherPhotographsAreAnotherRun) {
  ASSERT_THAT(train("results", {"data.root=photos"}), exits_with(0));
  const fs::path first = only_run();
  write_file(here() / "photos/train/class 1/p99.jpg", written_photo(30, 30, 1, 99));
  EXPECT_THAT(train("results", {"data.root=photos"}), AllOf(exits_with(0), testing::Not(prints("done before"))));
  EXPECT_EQ(runs().size(), 2u);
  EXPECT_THAT(quasar({"train", first / "config.toml"}), fails_with(2, "data.identity"));
}

TEST_F(TrainPhotos, ADamagedPhotographStopsWithItsPlaceOrIsReplacedAndCounted) {
  write_file(here() / "photos/train/class 2/p3.jpg", "no photograph");
  EXPECT_THAT(train("stop", {"data.root=photos"}),
              AllOf(fails_with(3, "photos/train/class 2/p3.jpg: sample "), fails_with(3, "data.on_damaged")));
  const Outcome skipping = train("skip", {"data.root=photos", "data.on_damaged=skip"});
  EXPECT_THAT(skipping, exits_with(0));
  EXPECT_THAT(skipping.err, AllOf(HasSubstr("class 2/p3.jpg"), HasSubstr("(damaged so far: 1)")));
  EXPECT_THAT(train("skip3", {"data.root=photos", "data.on_damaged=skip", "data.readers=3"}), exits_with(0));
  EXPECT_EQ(hash("skip"), hash("skip3"));
}

TEST_F(TrainPhotos, SkippedPhotographsStandInRunJsonWhateverTheProcessesAndRestarts) {
  const fs::path damaged = here() / "photos/val/class 1/p12.jpg";
  const std::string sound = read_text(damaged);
  write_file(here() / "photos/train/class 2/p3.jpg", "no photograph");
  write_file(damaged, "no photograph");
  const Words skip = {"data.root=photos", "data.on_damaged=skip"};
  const auto skipped = [&](const std::string& results) {
    return read_run_json(only_run(results)).at("summary").at("skipped_samples");
  };
  const nlohmann::json one_each = {{"train", 1}, {"test", 1}};
  EXPECT_THAT(train("threads", skip), prints("1 damaged images of train and 1 of test were skipped"));
  EXPECT_EQ(skipped("threads"), one_each);
  EXPECT_THAT(train("processes", skip + Words{"workers.processes=2"}), exits_with(0));
  EXPECT_EQ(skipped("processes"), one_each);
  {
    const EnvironmentVariable plan("QUASAR_FAULT", "kill@rank=0,step=8,site=before_local_step");
    EXPECT_THAT(train("killed", skip), testing::Not(exits_with(0)));
  }
  write_file(damaged, sound);  // which the first session had met
  EXPECT_THAT(train("killed", skip), exits_with(0));
  EXPECT_EQ(skipped("killed"), one_each);
  EXPECT_EQ(hash("killed"), hash("threads"));
}

TEST_F(TrainPhotos, EvaluationLeavesADamagedPhotographOutOfItsMean) {
  const auto summary = [&](const std::string& results) { return read_run_json(only_run(results)).at("summary"); };
  const Words skip = {"data.root=photos", "data.on_damaged=skip"};
  const fs::path damaged = here() / "photos/val/class 1/p12.jpg";
  write_file(damaged, "no photograph");
  ASSERT_THAT(train("damaged", skip), exits_with(0));
  fs::remove(damaged);
  ASSERT_THAT(train("without", skip), exits_with(0));
  EXPECT_EQ(hash("damaged"), hash("without"));
  EXPECT_EQ(summary("damaged").at("test_count"), 5);
  EXPECT_EQ(summary("damaged").at("test_correct"), summary("without").at("test_correct"));
  EXPECT_NEAR(summary("damaged").at("test_loss").get<double>(), summary("without").at("test_loss").get<double>(), 1e-6);
  for (const auto& entry : fs::recursive_directory_iterator(here() / "photos/val"))
    if (entry.is_regular_file()) write_file(entry.path(), "no photograph");
  EXPECT_THAT(train("none", skip), fails_with(3, "that an evaluation asks for are damaged"));
}

TEST_F(TrainPhotos, WhatCannotBeIsRefusedByNameBeforeTraining) {
  EXPECT_THAT(train("a"), fails_with(2, "data.root"));
  EXPECT_THAT(train("a", {"data.root=nowhere"}), fails_with(3, "nowhere/train: cannot be read"));
  EXPECT_THAT(train("a", {"data.root=photos", "data.name=webdataset"}), fails_with(3, "holds no .tar file"));
  EXPECT_THAT(train("a", {"data.root=photos", "data.crop_padding=4"}), fails_with(2, "data.crop_padding"));
  EXPECT_THAT(train("a", {"data.root=photos", "data.rand_augment_magnitude=31"}),
              fails_with(2, "rand_augment_magnitude"));
  EXPECT_THAT(train("a", {"data.root=photos", "data.readers=0"}), fails_with(2, "data.readers"));
  EXPECT_FALSE(fs::exists(here() / "a"));
}

TEST_F(TrainPhotos, ImageNetIsStoodInForByProceduralPhotographs) {
  const EnvironmentVariable nowhere("QUASAR_DATA", here().string());
  const Outcome outcome =
      train("results", {"data.name=imagenet", "data.procedural_train=48", "data.procedural_test=10"});
  EXPECT_THAT(outcome, exits_with(0));
  EXPECT_THAT(outcome.err, HasSubstr("using procedural_photos"));
  EXPECT_EQ(read_run_json(only_run()).at("data"), "procedural_photos");
  EXPECT_THAT(quasar({"train", only_run() / "config.toml"}), prints("done before"));
}

TEST_F(TrainPhotos, FlowersAreLearnt) {
  const char* root = std::getenv("QUASAR_DATA");
  const fs::path flowers =
      (root != nullptr ? fs::path(root) : fs::path(QUASAR_SOURCE_DIR).parent_path() / "shared/data") / "flowers";
  if (!fs::is_directory(flowers)) GTEST_SKIP() << "no " << flowers << " (set QUASAR_DATA)";
  const Words command = {"train",
                         kExperiments / "photographs.toml",
                         "data.root=" + flowers.string(),
                         "data.size=48",
                         "network.width=8",
                         "training.epochs=10",
                         "data.rand_augment_layers=0"};
  ASSERT_THAT(quasar(command + Words{"run.results=one"}), exits_with(0));
  ASSERT_THAT(quasar(command + Words{"run.results=three", "data.readers=3"}), exits_with(0));
  EXPECT_EQ(hash("one"), hash("three"));
  const auto evaluations = read_series(only_run("one"), "evaluations");
  EXPECT_LT(evaluations.back().at("train_loss").get<double>(), evaluations.front().at("train_loss").get<double>());
}

}  // namespace
}  // namespace quasar
