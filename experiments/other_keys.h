#pragma once

#include <string>
#include <vector>

namespace quasar {

/// Keys that one command reads and another, given the same file, passes over; a misspelling is still an error.
namespace other_keys {

inline const std::vector<std::string> kRun = {"run.name", "run.results", "run.seed", "record.points"};
inline const std::vector<std::string> kSde = {
    "sde.steps",      "sde.paths", "sde.weights", "sde.threads", "sde.system", "sde.max_bad_fraction", "sde.scheme",
    "sde.retraction", "sde.noise", "sde.start",   "sde.solver",  "sde.nodes",  "record.times",         "record.paths"};
inline const std::vector<std::string> kEnsemble = {
    "ensemble.replicas", "ensemble.threads",    "ensemble.precision", "ensemble.device",    "ensemble.max_bad_fraction",
    "ensemble.shard",    "ensemble.save_every", "record.observables", "record.histograms.*"};
inline const std::vector<std::string> kTrain = {"train.replicas", "workers.check_collectives", "network.precision"};
inline const std::vector<std::string> kLandscape = {
    "landscape.name",          "landscape.start",         "landscape.stiffness",     "landscape.noise_scale",
    "landscape.noise_scale_x", "landscape.noise_scale_y", "landscape.noise_scale_z", "landscape.stiffness_u",
    "landscape.stiffness_v",   "landscape.narrowing",     "landscape.turn_rate"};
inline const std::vector<std::string> kNetwork = {
    "data.name",     "data.root",  "data.classes",      "data.images",      "data.held_out",
    "network.width", "start.seed", "noise.label_noise", "batch.local_size", "workers.count"};

}  // namespace other_keys
}  // namespace quasar
