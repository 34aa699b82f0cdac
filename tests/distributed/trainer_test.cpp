#include "distributed/local_sgd/trainer.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config.h"
#include "core/errors.h"
#include "core/fault_plan.h"
#include "tests/distributed/temporary_folder.h"
#include "tests/distributed/training_fixture.h"

namespace quasar {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

/// A results folder in which a run is begun, broken off and gone on with.
class RunFolder {
 public:
  explicit RunFolder(const SmallRun& run) : run_(run), config_(Config::from_text("", "test")) {}

  TrainerResult start() {
    Recorder recorder(folder_.path(), config_, {});
    return train({&recorder, folder_.path(), json::object(), {}}, recorder);
  }
  TrainerResult resume() {
    const auto newest = CheckpointFolder(folder_.path()).newest_valid([](const std::string&) {});
    if (!newest) throw CheckpointError("there is no checkpoint");
    resumed_from = newest->step;
    Recorder recorder(folder_.path(), config_, {}, newest->about.at("records").get<Recorder::Offsets>());
    return train({&recorder, folder_.path(), json::object(), newest}, recorder);
  }
  /// All records without their times and without events.
  std::string records() const {
    std::string text;
    for (const char* series : {"steps", "averages", "evaluations"})
      for (json record : read_series(folder_.path(), series)) {
        record.erase("time");
        text += record.dump() + "\n";
      }
    return text;
  }
  fs::path path() const { return folder_.path(); }

  std::int64_t resumed_from = -1;

 private:
  TrainerResult train(const TrainerFiles& files, Recorder& recorder) {
    const TrainerResult result = run_.run(files).front();
    recorder.finish("done");
    return result;
  }

  SmallRun run_;
  Config config_;
  TemporaryFolder folder_;
};

struct Method {
  std::string name;
  std::function<void(SmallRun&)> set;
};

void PrintTo(const Method& method, std::ostream* out) { *out << method.name; }

class TrainerResume : public testing::TestWithParam<Method> {};

TEST_P(TrainerResume, AfterAKillAtAnyStepGivesTheSameBitsAndRecords) {  // E7, C7
  SmallRun run("mlp", 30, 12);
  run.options.checkpoint.every = 4;
  GetParam().set(run);
  RunFolder whole(run);
  const TrainerResult expected = whole.start();
  for (const int step : {2, 5, 11, 12, 13, 26}) {
    RunFolder broken(run);
    set_fault_plan("error@rank=1,step=" + std::to_string(step) + ",site=before_local_step");
    if (step < expected.position.step) {
      EXPECT_ANY_THROW(broken.start());
    } else {
      broken.start();  // larger batches need fewer steps
    }
    set_fault_plan("");
    const TrainerResult result = broken.resume();
    EXPECT_EQ(result.parameter_hash, expected.parameter_hash) << "stopped at step " << step;
    EXPECT_EQ(result.position.bytes, expected.position.bytes);
    EXPECT_EQ(broken.records(), whole.records()) << "stopped at step " << step;
    EXPECT_EQ(broken.resumed_from, std::min(step / 4 * 4, static_cast<int>(expected.position.step)));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Methods, TrainerResume,
    testing::Values(
        Method{"Momentum", [](SmallRun&) {}},
        Method{"AdamW",
               [](SmallRun& run) {
                 run.options.local_sgd.optimizer.kind = AdamW{};
                 run.schedule.learning_rate.peak = 0.01;
               }},
        Method{"QsrAfterDataParallelWithBatchNorm",
               [](SmallRun& run) {
                 SmallRun cnn("cnn", 30);
                 run.task = cnn.task;
                 run.schedule.learning_rate.decay = lr_decay::Cosine{};
                 run.schedule.learning_rate.final = 0.005;
                 run.schedule.sync = {.rule = sync_rules::Power{0.1, 2.0, 2}, .total_steps = 30, .switch_step = 7};
               }},
        Method{"SlowMoAndEma",
               [](SmallRun& run) {
                 run.options.local_sgd.outer.kind = SlowMo{};
                 run.options.local_sgd.ema_decay = 0.9;
                 run.schedule.sync.rule = sync_rules::Constant{5};
               }},
        Method{"DiLoCoWithAdamW",
               [](SmallRun& run) {
                 run.options.local_sgd.optimizer.kind = AdamW{};
                 run.schedule.learning_rate.peak = 0.01;
                 run.options.local_sgd.outer.kind = OuterNesterov{};
                 run.schedule.sync.rule = sync_rules::Constant{7};
               }},
        Method{"NormTestInTurn",
               [](SmallRun& run) {
                 run.options.local_sgd.norm_test = NormTest{.tolerance = 0.7, .max_local_size = 12};
                 run.options.workers_in_turn = 2;
                 run.schedule.sync.rule = sync_rules::Constant{3};
               }},
        Method{"AugmentedMixupClipped",
               [](SmallRun& run) {
                 run.task.augmentation = {.crop_padding = 2, .flip = true, .label_flip = 0.1, .mixup = 0.2, .seed = 4};
                 run.task.sampler.kind = SampleOrder::partition;
                 run.options.local_sgd.clip_norm = 0.5;
                 run.options.local_sgd.clip_scope = ClipScope::local;
               }}),
    [](const auto& method) { return method.param.name; });

/// A copy of a checkpoint in which one tensor is zero.
Checkpoint with_blank(const Checkpoint& checkpoint, const std::string& name, const fs::path& run_folder) {
  CheckpointFolder folder(run_folder);
  folder.begin(checkpoint.step);
  std::vector<FileRecord> files;
  for (const FileRecord& record : checkpoint.files) {
    const SafetensorsFile file = checkpoint.read(record.name);
    std::vector<NamedTensor> tensors = file.tensors();
    const std::vector<std::byte> zeros(static_cast<std::size_t>(record.bytes));
    for (NamedTensor& tensor : tensors)
      if (tensor.name == name) tensor.bytes = std::span(zeros).first(tensor.bytes.size());
    files.push_back(folder.write(checkpoint.step, record.name, tensors));
  }
  folder.commit(checkpoint.step, checkpoint.about, files);
  return folder.open(checkpoint.step);
}

TEST(TrainerState, EveryFieldMattersForTheResult) {  // C8
  SmallRun run("cnn", 20, 8);
  run.options.checkpoint.every = 12;
  run.options.local_sgd.outer.kind = SlowMo{};
  run.options.local_sgd.ema_decay = 0.9;
  run.options.evaluate.ema = true;
  run.options.local_sgd.averaging.batch_norm = BatchNormPolicy::keep;
  RunFolder whole(run);
  whole.start();
  const Checkpoint checkpoint = CheckpointFolder(whole.path()).open(12);
  std::vector<std::string> names;
  for (const char* file : {"rank-000.safetensors", "rank-001.safetensors", "shared.safetensors"}) {
    const SafetensorsFile held = checkpoint.read(file);
    for (const NamedTensor& tensor : held.tensors()) names.push_back(tensor.name);
  }
  EXPECT_THAT(
      names, testing::IsSupersetOf({"worker-0.parameters", "worker-0.buffers", "worker-0.momentum", "worker-1.momentum",
                                    "round_start", "outer_start", "outer_momentum", "ema"}));
  const auto outcome = [&](const std::string& blank) {
    TemporaryFolder folder;
    const Checkpoint from = with_blank(checkpoint, blank, folder.path());
    Recorder recorder(folder.path(), Config::from_text("", "test"), {});
    const TrainerResult result = run.run({&recorder, folder.path(), json::object(), from}).front();
    std::string text = std::to_string(result.parameter_hash);
    for (const char* series : {"averages", "evaluations"})
      for (json record : read_series(folder.path(), series)) record.erase("time"), text += record.dump();
    return text;
  };
  const std::string expected = outcome("");
  EXPECT_EQ(outcome("no such tensor"), expected);
  for (const std::string& name : names) EXPECT_NE(outcome(name), expected) << name << " is saved but never used";
}

TEST(TrainerEvaluation, LeavesTrainingBitForBitAsItIs) {  // E8
  SmallRun rarely("cnn", 20, 10), often = rarely;
  often.options.evaluate.when = EvaluateWhen::steps;
  often.options.evaluate.every = 3;  // within rounds, with shadow averages
  often.options.record.every = 1;
  often.options.record.probe_every = 1;
  EXPECT_EQ(rarely.hash(), often.hash());
}

TEST(TrainerEvaluation, CountsEveryTestSampleOnceWhateverTheWorkers) {  // E10
  SmallRun run("mlp", 2, 1);
  for (const int workers : {1, 2, 3}) {
    run.workers = workers;
    for (const TrainerResult& result : run.run()) EXPECT_EQ(result.test.count, 200);
  }
}

TEST(TrainerRun, LearnsAndRecordsWhatItDid) {
  SmallRun run("cnn", 120, 8);
  run.options.record.every = 20;
  RunFolder folder(run);
  const TrainerResult result = folder.start();
  EXPECT_GT(static_cast<double>(result.test.correct), 0.3 * 200) << "chance is 0.1";
  const auto evaluations = read_series(folder.path(), "evaluations");
  EXPECT_EQ(evaluations.front().at("step"), 0);
  EXPECT_LT(evaluations.back().at("loss").get<double>(), evaluations.front().at("loss").get<double>());
  const auto averages = read_series(folder.path(), "averages");
  for (const json& average : averages) {
    EXPECT_GT(average.at("alignment").get<double>(), 0.5 - 1e-6);  // 1/K at least
    EXPECT_LE(average.at("alignment").get<double>(), 1.0 + 1e-6);
    EXPECT_GT(average.at("dispersion").get<double>(), 0.0);
    // |mean Delta|^2 + dispersion = mean |Delta|^2
    const double mean = average.at("mean_squared_update"), spread = average.at("dispersion");
    EXPECT_NEAR(average.at("alignment").get<double>() * mean + spread, mean, 1e-4 * mean);
  }
  EXPECT_EQ(read_series(folder.path(), "steps").size(), 7u);  // steps 0, 19, 39, ...
}

TEST(TrainerRun, TimesAddUpToTheWallClock) {  // E13
  SmallRun run("resnet20", 12, 4);
  run.task.network.width = 16;
  const TrainerResult::Times t = run.run().front().times;
  const double sum =
      t.setup + t.data + t.forward + t.backward + t.optimizer + t.averages + t.evaluation + t.checkpoints;
  EXPECT_LE(sum, t.wall);
  EXPECT_GT(sum, 0.98 * t.wall);
}

TEST(TrainerCheckpoints, AFailedSaveKeepsTheOlderOnesAndStopsOrGoesOn) {  // C4
  SmallRun run("mlp", 14, 4);
  const std::uint64_t expected = run.hash();
  run.options.checkpoint.every = 4;
  run.options.checkpoint.retention.keep_last = 10;
  for (const std::string fault : {"enospc@rank=1,step=8,site=ckpt_write", "enospc@rank=0,step=8,site=ckpt_fsync"}) {
    run.options.checkpoint.on_save_error = OnSaveError::stop;
    RunFolder stopped(run);
    set_fault_plan(fault);
    EXPECT_THROW(stopped.start(), StorageError);
    EXPECT_THAT(CheckpointFolder(stopped.path()).steps(), testing::ElementsAre(0, 4));
    run.options.checkpoint.on_save_error = OnSaveError::go_on;
    RunFolder went_on(run);
    set_fault_plan(fault);
    EXPECT_EQ(went_on.start().parameter_hash, expected);
    EXPECT_THAT(CheckpointFolder(went_on.path()).steps(), testing::ElementsAre(0, 4, 12, 14));
    set_fault_plan("");
    for (const RunFolder* folder : {&stopped, &went_on})
      for (const auto& entry : fs::directory_iterator(folder->path() / "checkpoints"))
        EXPECT_THAT(entry.path().filename().string(), testing::StartsWith("step-"));
  }
}

TEST(TrainerCheckpoints, GiveStartWeightsToAnotherRun) {
  SmallRun first("cnn", 16, 4);
  first.options.checkpoint.every = 8;
  RunFolder folder(first);
  const TrainerResult trained = folder.start();
  SmallRun second("cnn", 4, 2);
  second.options.start_weights = folder.path();
  TemporaryFolder elsewhere;
  Recorder recorder(elsewhere.path(), Config::from_text("", "test"), {});
  second.run({&recorder, elsewhere.path(), json::object(), {}});
  const double start_loss = read_series(elsewhere.path(), "evaluations").front().at("loss");
  const double end_loss = read_series(folder.path(), "evaluations").back().at("loss");
  EXPECT_NEAR(start_loss, end_loss, 0.2 * end_loss) << "batch-norm statistics differ, parameters do not";
  second.options.start_weights = "/nonexistent/model.safetensors";
  EXPECT_THROW(second.run(), CheckpointError);
}

TEST(TrainerTimes, WaitingForABatchIsCountedAsData) {
  SmallRun run("mlp", 4, 2);
  const double before = run.run().front().times.data;
  EXPECT_GT(before, 0.0) << "images in memory are read, cropped and normalised too";
  constexpr double kStall = 1.0;
  set_fault_plan("stall@rank=0,step=2,site=batch_read,seconds=1");
  const TrainerResult::Times times = run.run().front().times;
  set_fault_plan("");
  EXPECT_GE(times.data, kStall);
  EXPECT_LT(times.forward + times.backward + times.optimizer, times.wall - kStall);
}

TEST(TrainerCheckpoints, PositionsOfEarlierReleasesAreUnderstood) {  // C11
  const CheckpointFolder folder(std::filesystem::path(QUASAR_SOURCE_DIR) / "tests/distributed/golden/0.1.0");
  const auto position = TrainingPosition::from_json(folder.open(6).about.at("position"));
  EXPECT_EQ(position.step, 6);
  EXPECT_EQ(position.next_sync, 7) << "saved within a round";
  EXPECT_EQ(position.samples, 24);
}

}  // namespace
}  // namespace quasar
