#include "distributed/local_sgd/trainer.h"

#include <chrono>
#include <cmath>

#include <ATen/ATen.h>

#include "core/errors.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "distributed/engine/common_stop.h"
#include "distributed/local_sgd/evaluation.h"
#include "distributed/local_sgd/parameter_hash.h"
#include "distributed/local_sgd/training_checkpoint.h"

namespace quasar {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

constexpr const char* kNotFinite = "a loss is not finite";

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// True if a multiple of `every` (if any) lies in (before, after].
bool passes(std::int64_t every, std::int64_t before, std::int64_t after) {
  return every > 0 && after / every > before / every;
}

double ratio(double a, double b) { return b > 0.0 ? a / b : 0.0; }

/// One worker's run: the loop around LocalSgd, and everything that looks at it.
class Trainer {
 public:
  Trainer(const TrainerOptions& options, const TrainingTask& task, const TrainingSchedule& schedule, Worker& worker,
          const TrainerFiles& files)
      : options_(options),
        task_(task),
        schedule_(schedule),
        worker_(worker),
        files_(files),
        scratch_(task.make_evaluator()),
        training_(options.local_sgd, schedule, worker, make_locals()),
        checkpoints_(files.run_folder, real_file_system(), worker.rank()),
        stop_(worker.keys("stop"), worker.rank(), worker.count(), [this] { return reason_to_stop(); }) {
    if (worker.rank() == 0)
      progress_.emplace("train, K = " + std::to_string(training_.num_workers()),
                        static_cast<double>(schedule.total_steps), "steps");
  }

  TrainerResult run() {
    times_.setup = seconds_since(start_);
    resume_or_start();
    while (!training_.done()) {
      const std::int64_t now = training_.position().step;
      beat();
      if (stop_.is_reached(now, [this] { beat(); })) return stopped(stop_.reason());
      take_step();
    }
    return finished();
  }

 private:
  std::vector<std::unique_ptr<Objective>> make_locals() const {
    std::vector<std::unique_ptr<Objective>> locals;
    for (int i = 0; i < options_.workers_in_turn; ++i) locals.push_back(task_.make_objective());
    if (!options_.start_weights.empty() && !files_.resume_from)
      load_start_weights(options_.start_weights, *scratch_, locals);
    return locals;
  }

  void beat() {
    worker_.throw_if_peer_failed();
    worker_.beat(training_.position().step);
  }

  std::string reason_to_stop() const {
    if (const int signal = pending_signal(); signal != 0) return "signal " + std::to_string(signal);
    // Saving must end before the limit does.
    if (options_.time_limit_seconds && worker_.rank() == 0 &&
        seconds_since(start_) > *options_.time_limit_seconds - 2.0 - 3.0 * longest_save_)
      return "time limit";
    return {};
  }

  void resume_or_start() {
    if (files_.resume_from) {
      load_checkpoint(*files_.resume_from, training_.state(), worker_.rank());
      training_.restore(TrainingPosition::from_json(files_.resume_from->about.at("position")));
      earlier_seconds_ = files_.resume_from->about.at("training_seconds");
      skipped_samples_ = files_.resume_from->about.value("skipped_samples", SkippedSamples());
      event("resumed");
    } else if (options_.checkpoint.every > 0) {
      save();  // also tries the disk before the first step
    }
    if (training_.position().step == 0 && options_.evaluate.at_start) evaluate_now();
  }

  void take_step() {
    const TrainingPosition before = training_.position();
    const bool measured = passes(options_.record.every, before.step, before.step + 1) || before.step == 0;
    const auto start = Clock::now();
    const StepReport step = training_.step(measured);
    times_.data += step.batch.data_seconds;
    times_.forward += step.batch.forward_seconds;
    times_.backward += step.batch.backward_seconds;
    times_.optimizer += step.optimizer_seconds;
    if (measured && files_.recorder) record_step(before, step, seconds_since(start));
    // A long round need not be waited for.
    if (training_.saw_nonfinite_loss()) stop_.request(kNotFinite);
    if (training_.round_is_over()) end_round();
    const TrainingPosition& after = training_.position();
    if (progress_) progress_->update(static_cast<double>(after.step));
    if (evaluation_is_due(before, after)) evaluate_now();
    if (passes(options_.checkpoint.every, before.step, after.step) && !training_.done()) save();
  }

  void record_step(const TrainingPosition& before, const StepReport& step, double seconds) {
    files_.recorder->record(
        "steps",
        {{"step", before.step},
         {"round", before.round},
         {"step_in_round", before.step - before.round_start},
         {"epoch", epochs(before)},
         {"samples", before.samples},
         {"learning_rate", step.learning_rate},
         {"sync_period", before.period()},
         {"local_batch", before.local_batch},
         {"loss", step.batch.loss},
         {"accuracy", ratio(static_cast<double>(step.batch.correct), static_cast<double>(step.batch.predictions))},
         {"gradient_norm", step.gradient_norm},
         {"parameter_norm", step.parameter_norm},
         {"update_norm", step.update_norm},
         {"clipped", step.clipped},
         {"skipped", step.skipped},
         {"clipped_share",
          ratio(static_cast<double>(training_.position().clipped), static_cast<double>(training_.position().step))},
         {"time",
          {{"data", step.batch.data_seconds},
           {"forward", step.batch.forward_seconds},
           {"backward", step.batch.backward_seconds},
           {"optimizer", step.optimizer_seconds},
           {"step", seconds},
           {"wall", seconds_since(start_)}}}});
  }

  void end_round() {
    const TrainingPosition before = training_.position();
    const bool measured = passes(options_.record.every, before.round_start, before.step) && !before.averages_gradients;
    const bool probed = passes(options_.record.probe_every, before.round_start, before.step) && measured;
    const auto probe = Clock::now();
    const double loss_before = probed ? mean_probe_loss() : 0.0;
    times_.evaluation += seconds_since(probe);
    const auto start = Clock::now();
    const AverageReport average = training_.end_round(measured);
    times_.averages += seconds_since(start);
    if (!measured) return;
    const auto second_probe = Clock::now();
    const double loss_after =
        probed ? scratch_->probe_loss(training_.local(0).parameters(), options_.record.probe_samples) : 0.0;
    times_.evaluation += seconds_since(second_probe);
    if (!files_.recorder) return;
    json record = {
        {"round", before.round},
        {"step", before.step},
        {"sync_period", before.period()},
        {"learning_rate", before.round_learning_rate},
        {"dispersion", average.dispersion},
        {"relative_dispersion", ratio(average.dispersion, average.squared_average)},
        {"alignment", ratio(average.squared_mean_update, average.mean_squared_update)},
        {"mean_squared_update", average.mean_squared_update},
        {"bytes", average.bytes},
        {"cumulative_bytes", training_.position().bytes},
        {"volume", volume()},
        {"time",
         {{"wait", average.wait_seconds}, {"transfer", average.transfer_seconds}, {"wall", seconds_since(start_)}}}};
    if (probed) record["loss_before"] = loss_before, record["loss_after"] = loss_after;
    files_.recorder->record("averages", record);
  }

  /// Mean over the workers of each one's own loss on the fixed batch.
  double mean_probe_loss() {
    double sum = 0.0;
    for (std::size_t i = 0; i < training_.local_count(); ++i)
      sum += scratch_->probe_loss(training_.local(i).parameters(), options_.record.probe_samples);
    at::Tensor mean = at::tensor({sum / static_cast<double>(training_.local_count())}, at::kDouble);
    worker_.average(mean, Purpose::measurement);
    return mean.item<double>();
  }

  bool evaluation_is_due(const TrainingPosition& before, const TrainingPosition& after) const {
    const EvaluateOptions& evaluate = options_.evaluate;
    if (training_.done()) return true;
    if (evaluate.when == EvaluateWhen::steps) return passes(evaluate.every, before.step, after.step);
    if (evaluate.when == EvaluateWhen::sync) return passes(evaluate.every, before.round, after.round);
    return passes(evaluate.every * task_.samples(Split::train), before.samples, after.samples);
  }

  void evaluate_now(bool recorded = true) {
    const auto start = Clock::now();
    const TrainingPosition& at = training_.position();
    last_evaluation_ =
        evaluate(options_.evaluate, task_, options_.local_sgd.averaging.batch_norm, training_, *scratch_, worker_);
    times_.evaluation += seconds_since(start);
    if (!files_.recorder || !recorded) return;
    const EvaluationCounts& train = last_evaluation_.train;
    const auto per = [](double sum, std::int64_t count) { return ratio(sum, static_cast<double>(count)); };
    json record = {
        {"step", at.step},
        {"round", at.round},
        {"epoch", epochs(at)},
        {"samples", at.samples},
        {"shadow", at.step != at.round_start},
        {"slow_time", at.slow_time},
        {"train_loss", per(train.loss, train.count)},
        {"train_accuracy", per(static_cast<double>(train.correct), train.count)},
        {"cumulative_bytes", at.bytes},
        {"volume", volume()},
        {"time",
         {{"wall", seconds_since(start_)}, {"evaluation", seconds_since(start)}, {"training", training_seconds()}}}};
    record.update(task_.scores(last_evaluation_.test));
    files_.recorder->record("evaluations", record);
  }

  void save() {
    const auto start = Clock::now();
    training_.throw_if_any_diverged("saved");
    const TrainingPosition& at = training_.position();
    json about = {{"identity", files_.identity}, {"position", at.to_json()}, {"training_seconds", training_seconds()}};
    if (files_.recorder) about["records"] = files_.recorder->offsets();
    add_skipped(task_, worker_, skipped_samples_);
    if (!skipped_samples_.empty()) about["skipped_samples"] = skipped_samples_;
    std::optional<double> loss;
    if (last_evaluation_.test.count > 0)
      loss = last_evaluation_.test.loss / static_cast<double>(last_evaluation_.test.count);
    load_average(options_.evaluate, task_, BatchNormPolicy::keep, training_, *scratch_, worker_);
    try {
      save_checkpoint(checkpoints_, at.step, training_.state(), scratch_->model().named_tensors(), about, loss,
                      worker_);
    } catch (const StorageError& error) {
      if (options_.checkpoint.on_save_error == OnSaveError::stop) throw;
      event("save failed", error.what());
      if (worker_.rank() == 0) std::fprintf(stderr, "%s; going on without it\n", error.what());
    }
    try {
      if (worker_.rank() == 0) checkpoints_.apply(options_.checkpoint.retention);
    } catch (const StorageError& error) {  // too many checkpoints harm nobody
      std::fprintf(stderr, "%s\n", error.what());
    }
    last_save_ = at.step;
    longest_save_ = std::max<double>(longest_save_, seconds_since(start));
    times_.checkpoints += seconds_since(start);
  }

  TrainerResult stopped(const std::string& reason) {
    event("stopped", reason);
    training_.throw_if_any_diverged("averaged");
    if (reason == kNotFinite)
      throw Diverged("the loss or gradient of a worker is not finite before step " +
                     std::to_string(training_.position().step) + "; try a smaller learning_rate.peak, or clip.norm");
    if (options_.checkpoint.every == 0) {
      if (const int signal = pending_signal(); signal != 0) throw Interrupted(signal);
      return result(false, reason);
    }
    if (last_save_ != training_.position().step) save();
    return result(false, reason);
  }

  TrainerResult finished() {
    if (last_evaluation_.test.count == 0) evaluate_now(false);  // resumed from the very last step, which has its record
    if (options_.checkpoint.every > 0 && last_save_ != training_.position().step) save();
    add_skipped(task_, worker_, skipped_samples_);
    return result(true, "");
  }

  TrainerResult result(bool finished, const std::string& reason) {
    progress_.reset();
    times_.wall = seconds_since(start_);
    return {finished,
            reason,
            training_.position(),
            static_cast<std::int64_t>(training_.local(0).parameters().nbytes()),
            parameter_hash(training_.local(0).parameters().cpu()),
            last_evaluation_.test,
            skipped_samples_,
            worker_.account(Purpose::training),
            worker_.account(Purpose::measurement),
            training_seconds(),
            times_};
  }

  void event(const std::string& what, const std::string& detail = "") {
    if (!files_.recorder) return;
    json record = {{"step", training_.position().step}, {"event", what}, {"time", {{"wall", seconds_since(start_)}}}};
    if (!detail.empty()) record["detail"] = detail;
    files_.recorder->record("events", record);
  }

  /// Of the samples that an epoch uses: all, or with data.epoch = drop those of its whole batches (of the first size).
  double epochs(const TrainingPosition& at) const {
    const std::int64_t samples = task_.samples(Split::train), batch = options_.local_sgd.local_batch_size;
    const bool drops = task_.sampler.epoch == EpochEnd::drop && task_.sampler.kind != SampleOrder::replacement;
    const double steps = Sampler(task_.sampler, samples).steps_per_epoch(training_.num_workers(), batch);
    const double used =
        drops ? steps * static_cast<double>(training_.num_workers() * batch) : static_cast<double>(samples);
    return static_cast<double>(at.samples) / used;
  }
  /// Bytes averaged as a share of data-parallel's, which averages one gradient a step.
  double volume() {
    const TrainingPosition& at = training_.position();
    return ratio(static_cast<double>(at.bytes),
                 static_cast<double>(at.step) * static_cast<double>(training_.local(0).parameters().nbytes()));
  }
  /// Of all sessions of this run, evaluations and checkpoints left out.
  double training_seconds() const {
    return earlier_seconds_ + seconds_since(start_) - times_.setup - times_.evaluation - times_.checkpoints;
  }

  const TrainerOptions& options_;
  const TrainingTask& task_;
  const TrainingSchedule& schedule_;
  Worker& worker_;
  const TrainerFiles& files_;
  const Clock::time_point start_ = Clock::now();
  std::unique_ptr<Evaluator> scratch_;
  LocalSgd training_;
  CheckpointFolder checkpoints_;
  std::optional<Progress> progress_;
  Evaluation last_evaluation_;
  std::int64_t last_save_ = -1;
  std::atomic<double> longest_save_ = 0.0;  // read by the thread of stop_
  double earlier_seconds_ = 0.0;
  SkippedSamples skipped_samples_;
  TrainerResult::Times times_;
  CommonStop stop_;
};

}  // namespace

void load_start_weights(const std::string& place, Evaluator& scratch,
                        const std::vector<std::unique_ptr<Objective>>& objectives) {
  scratch.model().assign(load_weights(place), place);
  for (const auto& objective : objectives) {
    objective->parameters().copy_(scratch.model().values);
    if (objective->buffers().defined()) objective->buffers().copy_(scratch.model().buffers);
  }
}

TrainerResult train(const TrainerOptions& options, const TrainingTask& task, const TrainingSchedule& schedule,
                    Worker& worker, const TrainerFiles& files) {
  return Trainer(options, task, schedule, worker, files).run();
}

}  // namespace quasar
