#pragma once

#include <string>
#include <vector>

namespace quasar {

/// Keys that one command reads and another, given the same file, passes over; a misspelling is still an error.
namespace other_keys {

inline const std::vector<std::string> kRun = {"run.name", "run.results", "run.seed", "record.points"};
inline const std::vector<std::string> kSde = {
    "sde.steps",    "sde.paths",         "sde.weights",  "sde.threads",   "sde.system", "sde.max_bad_fraction",
    "sde.scheme",   "sde.retraction",    "sde.noise",    "sde.start",     "sde.solver", "sde.nodes",
    "record.times", "record.paths",      "sde.equation", "sde.estimator", "sde.levels", "sde.standard_error",
    "sde.pilot",    "checkpoint.seconds"};
inline const std::vector<std::string> kEnsemble = {
    "ensemble.replicas",         "ensemble.threads", "ensemble.precision", "ensemble.device",
    "ensemble.max_bad_fraction", "ensemble.shard",   "record.observables", "record.histograms.*"};
inline const std::vector<std::string> kTrain = {"train.replicas", "workers.check_collectives", "network.precision"};
/// What an average does to the optimisers' buffers.
inline const std::vector<std::string> kBuffersAtAverages = {"averaging.momentum", "averaging.adam_m",
                                                            "averaging.adam_v"};
/// Of every landscape beside its name.
inline const std::vector<std::string> kLandscapeSettings = {
    "landscape.start",         "landscape.stiffness",     "landscape.noise_scale", "landscape.noise_scale_x",
    "landscape.noise_scale_y", "landscape.noise_scale_z", "landscape.stiffness_u", "landscape.stiffness_v",
    "landscape.narrowing",     "landscape.turn_rate",     "landscape.semi_axis_x", "landscape.semi_axis_y",
    "landscape.rows",          "landscape.columns",       "landscape.rank",        "landscape.width",
    "landscape.inputs",        "landscape.samples",       "landscape.data_seed"};
inline const std::vector<std::string> kNetwork = {
    "data.name",     "data.root",  "data.classes",      "data.images",      "data.held_out",
    "network.width", "start.seed", "noise.label_noise", "batch.local_size", "workers.count"};

}  // namespace other_keys
}  // namespace quasar
