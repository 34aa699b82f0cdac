#include "core/config.h"
#include "distributed/local_sgd/trainer.h"

namespace quasar {
namespace {

/// SlowMo divides what a round did by the learning rate of its first step, so that rate must not grow much in a round.
void check_slowmo(const Config& config, const TrainingSchedule& schedule) {
  const LearningRateSchedule& rate = schedule.learning_rate;
  if (rate.at(schedule.sync.switch_step) == 0.0)
    config.fail("outer.name",
                "= slowmo divides by the learning rate of a round's first step, which is 0 in the first round; start "
                "warm-up above 0 by learning_rate.final");
  for (std::int64_t step = schedule.sync.switch_step; step < rate.warmup_steps;) {
    const std::int64_t period = schedule.period_at(step);
    if (rate.at(step + period - 1) > 2.0 * rate.at(step))
      config.fail("outer.name",
                  "= slowmo divides by the learning rate of a round's first step, which more than doubles in the " +
                      std::to_string(period) + " steps of the round at step " + std::to_string(step) +
                      "; begin after warm-up with sync.switch_step, or warm up from a larger learning_rate.final");
    step += period;
  }
}

LocalSgdOptions read_local_sgd(const Config& config, const TrainingSchedule& schedule) {
  LocalSgdOptions options;
  options.local_batch_size = config.integer("batch.local_size", between(1, 1 << 20), 32);
  options.optimizer = OptimizerOptions::read(config);
  options.outer = OuterOptions::read(config);
  options.averaging = AveragingPolicy::read(config);
  const bool parallel = schedule.sync.switch_step >= schedule.total_steps;
  if (parallel && !std::holds_alternative<PlainAverage>(options.outer.kind))
    config.fail("outer.name", "needs averages of parameters; sync.rule or sync.switch_step averages gradients only");
  if (std::holds_alternative<SlowMo>(options.outer.kind)) check_slowmo(config, schedule);
  const bool adam = std::holds_alternative<AdamW>(options.optimizer.kind);
  for (const std::string key : {"averaging.momentum", "averaging.adam_m", "averaging.adam_v"}) {
    if (!config.has(key) || config.text(key) == "keep") continue;  // keep says what happens without averages too
    if (parallel)
      config.fail(key, "needs averages of parameters; sync.rule or sync.switch_step averages gradients only");
    if ((key == "averaging.momentum") == adam)
      config.fail(key, adam ? "is of optimizer.name = sgd; adamw has averaging.adam_m and averaging.adam_v"
                            : "is of optimizer.name = adamw; sgd has averaging.momentum");
  }
  if (config.has("clip.norm")) {
    options.clip_norm = config.number("clip.norm", positive());
    const std::string scope = config.choice("clip.scope", {"auto", "local", "global"}, std::string("auto"));
    options.clip_scope = scope == "local" ? ClipScope::local : ClipScope::global_where_averaged;
    if (scope == "global" && !parallel)
      config.fail("clip.scope",
                  "= global clips the averaged gradient, which sync.rule does not make; use clip.scope = local or "
                  "sync.rule = parallel");
  }
  options.on_nonfinite = config.choice("training.on_nonfinite", {"stop", "skip"}, std::string("stop")) == "skip"
                             ? OnNonfinite::skip
                             : OnNonfinite::stop;
  options.check_replicas = config.integer("workers.check_replicas", at_least(0), 100);
  if (config.has("norm_test.tolerance")) options.norm_test = NormTest::read(config);
  if (config.has("ema.decay")) options.ema_decay = config.number("ema.decay", between(0.0, 1.0));
  return options;
}

EvaluateOptions read_evaluate(const Config& config, const LocalSgdOptions& local_sgd, const std::string& samples) {
  EvaluateOptions options;
  const std::string when = config.choice("evaluate.when", {"epoch", "steps", "sync"}, std::string("epoch"));
  options.when = when == "steps" ? EvaluateWhen::steps : when == "sync" ? EvaluateWhen::sync : EvaluateWhen::epoch;
  options.every = config.integer("evaluate.every", at_least(1), 1);
  options.at_start = config.boolean("evaluate.at_start", true);
  options.train_samples = config.integer("evaluate.train_" + samples, at_least(0), options.train_samples);
  options.batch_norm_batches = config.integer("evaluate.batch_norm_batches", at_least(1), options.batch_norm_batches);
  options.ema = config.boolean("evaluate.ema", local_sgd.ema_decay.has_value());
  if (options.ema && !local_sgd.ema_decay) config.fail("evaluate.ema", "needs ema.decay");
  return options;
}

CheckpointOptions read_checkpoint(const Config& config, std::int64_t steps_per_epoch) {
  CheckpointOptions options;
  options.every = config.integer("checkpoint.every", at_least(0), steps_per_epoch);
  options.retention.keep_last = static_cast<int>(config.integer("checkpoint.keep_last", at_least(1), 2));
  options.retention.keep_every = config.integer("checkpoint.keep_every", at_least(0), 0);
  options.retention.keep_best = config.boolean("checkpoint.keep_best", false);
  options.on_save_error = config.choice("checkpoint.on_save_error", {"stop", "go_on"}, std::string("stop")) == "stop"
                              ? OnSaveError::stop
                              : OnSaveError::go_on;
  return options;
}

}  // namespace

TrainerOptions TrainerOptions::read(const Config& config, const TrainingSchedule& schedule, const TrainingTask& task,
                                    std::int64_t steps_per_epoch) {
  TrainerOptions options;
  options.local_sgd = read_local_sgd(config, schedule);
  options.record.every = config.integer("record.every", at_least(0), options.record.every);
  options.record.probe_every = config.integer("record.probe_every", at_least(0), options.record.probe_every);
  options.record.probe_samples =
      config.integer("record.probe_" + task.sample_name(), at_least(1), options.record.probe_samples);
  options.evaluate = read_evaluate(config, options.local_sgd, task.sample_name());
  options.checkpoint = read_checkpoint(config, steps_per_epoch);
  if (config.has("run.time_limit")) options.time_limit_seconds = config.number("run.time_limit", positive());
  options.start_weights = config.text("start.weights", "");
  return options;
}

}  // namespace quasar
