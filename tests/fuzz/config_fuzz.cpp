#include "core/config.h"

#include "core/training_schedule.h"
#include "tests/fuzz/fuzz.h"

namespace quasar::fuzz {

std::vector<std::string> seeds() {
  return {
      "[training]\nsteps = 100\n[learning_rate]\npeak = 0.1\nschedule = 'cosine'\nwarmup_steps = 10\n"
      "[sync]\nrule = 'qsr'\nalpha = 0.2\nbase_period = 4\n",
      "training.slow_time = 1.5\nlearning_rate.peak = 1e-2\nsync = { rule = \"constant\", period = 0x10 }\n",
      "training.steps = 50\nlearning_rate.peak = 0.1\nsync.rule = 'phases'\nsync.phases = [[10, 1], [40, 8]]\n",
      "training.steps = 1_000\nlearning_rate.peak = 1.0 # a comment\n[sync]\nrule = '''inverse'''\nbeta = 2.5\n"};
}

void parse(const std::string& input) {
  const Config config = Config::from_text(input, "input", {"sync.switch_step=5"});
  const TrainingSchedule schedule = TrainingSchedule::read(config, 100.0);
  config.finish();
  Config::from_text(config.resolved(), "resolved");
}

}  // namespace quasar::fuzz
