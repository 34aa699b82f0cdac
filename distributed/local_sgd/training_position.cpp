#include "distributed/local_sgd/training_position.h"

#include <nlohmann/json.hpp>

namespace quasar {

nlohmann::json TrainingPosition::to_json() const {
  return {{"step", step},
          {"round", round},
          {"round_start", round_start},
          {"next_sync", next_sync},
          {"samples", samples},
          {"local_batch", local_batch},
          {"place", place},
          {"next_local_batch", next_local_batch},
          {"averages_gradients", averages_gradients},
          {"slow_time", slow_time},
          {"learning_rate", learning_rate},
          {"round_learning_rate", round_learning_rate},
          {"collectives", collectives},
          {"bytes", bytes},
          {"clipped", clipped},
          {"skipped", skipped}};
}

TrainingPosition TrainingPosition::from_json(const nlohmann::json& json) {
  TrainingPosition position;
  position.step = json.at("step");
  position.round = json.at("round");
  position.round_start = json.at("round_start");
  position.next_sync = json.at("next_sync");
  position.samples = json.at("samples");
  position.local_batch = json.at("local_batch");
  position.place = json.at("place");
  position.next_local_batch = json.at("next_local_batch");
  position.averages_gradients = json.at("averages_gradients");
  position.slow_time = json.at("slow_time");
  position.learning_rate = json.at("learning_rate");
  position.round_learning_rate = json.at("round_learning_rate");
  position.collectives = json.at("collectives");
  position.bytes = json.at("bytes");
  position.clipped = json.at("clipped");
  position.skipped = json.at("skipped");
  return position;
}

}  // namespace quasar
