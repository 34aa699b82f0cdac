#include "experiments/side_by_side.h"

#include <cmath>

#include "distributed/data/image_classification.h"

namespace quasar {
namespace {

/// The synchronisation of the three regimes at one learning rate.
struct Regimes {
  double learning_rate, beta, alpha;

  std::string settings(const std::string& regime, double slow_time) const {
    Settings settings;
    settings.set("learning_rate.peak", learning_rate).set("training.slow_time", slow_time);
    if (regime == "inverse") settings.set("sync.rule", "inverse").set("sync.beta", beta);
    if (regime == "qsr") settings.set("sync.rule", "qsr").set("sync.alpha", alpha);
    if (regime != "inverse" && regime != "qsr") settings.set("sync.rule", "constant").set("sync.period", 1);
    return settings.text();
  }
};

/// One or two learning rates of a section, the main one first.
///
/// The second has the same eta H: the part of QSR's bias that shrinks with eta is alpha^2 = eta (eta H).
std::vector<Regimes> read_regimes(const Config& config, const std::string& section) {
  const double eta = config.number(section + ".learning_rate", positive());
  const double beta = config.number(section + ".beta", positive());
  const double alpha = config.number(section + ".alpha", positive());
  std::vector<Regimes> regimes = {{eta, beta, alpha}};
  const std::string second_key = section + ".second_learning_rate";
  if (config.has(second_key)) {
    const double second = config.number(second_key, positive());
    if (second == eta) config.fail(second_key, "is the same as learning_rate; leave it out or change it");
    regimes.push_back({second, beta, alpha * std::sqrt(second / eta)});
  }
  return regimes;
}

/// An ensemble and a Slow SDE for each regime of a landscape.
void add_landscape(const Config& config, const RunOptions& run, std::int64_t workers, const std::string& landscape,
                   std::vector<PartRun>& parts) {
  const auto key = [&](const char* name) { return landscape + "." + name; };
  const double slow_time = config.number(key("slow_time"), positive());
  const auto learning_rates = read_regimes(config, landscape);
  Settings shared;
  shared.set("landscape.name", landscape).set("workers.count", workers);
  shared.set("record.points", config.integer(key("points"), at_least(1), 10));
  const auto pass_on = [&](const std::string& name, Bounds bounds, double fallback) {
    shared.set("landscape." + name, config.number(landscape + "." + name, bounds, fallback));
  };
  if (landscape == "valley") {
    pass_on("start", any_number(), 0.5);
    pass_on("noise_scale", positive(), 1.0);
  } else {
    pass_on("start", any_number(), 0.6);
    pass_on("stiffness", positive(), 8.0);
    pass_on("noise_scale_x", positive(), std::sqrt(2.0));
    pass_on("noise_scale_y", positive(), std::sqrt(0.4));
  }
  const auto replicas = config.integer(key("replicas"), at_least(2));
  const auto paths = config.integer(key("paths"), at_least(1));
  const auto sde_steps = config.integer(key("sde_steps"), at_least(1));
  for (const Regimes& regimes : learning_rates)
    for (const std::string regime : {"sgd", "inverse", "qsr"}) {
      const std::string schedule = shared.text() + regimes.settings(regime, slow_time);
      parts.push_back({landscape, regime, "sde",
                       part_settings(run, landscape + "-" + regime + "-theory")
                           .with_rest_of(schedule)
                           .set("sde.steps", sde_steps)
                           .set("sde.paths", paths)
                           .text()});
      parts.push_back({landscape, regime, "toy",
                       part_settings(run, landscape + "-" + regime + "-toy")
                           .with_rest_of(schedule)
                           .set("ensemble.replicas", replicas)
                           .text()});
    }
}

struct NetworkOptions {
  std::string shared;  ///< settings that training and theory have in common
  double slow_time;
  std::vector<Regimes> regimes;  ///< one a learning rate, the main one first
  std::int64_t workers, local_batch_size, seeds, sde_steps;
  bool control;
};

NetworkOptions read_network(const Config& config, std::int64_t workers) {
  NetworkOptions network;
  network.workers = workers;
  Settings shared;
  const std::string root = config.text("data.root", "");
  std::string data =
      config.choice("network.data", {"fashion_mnist", "mnist", "procedural"}, std::string("fashion_mnist"));
  if (has_networks()) data = locate_images(data, root).name;  // once for all parts, and part of what was run
  config.substitute("network.data", data);
  shared.set("data.name", data);
  if (!root.empty()) shared.set("data.root", root);
  const auto classes = config.integers("network.classes", at_least(0), std::vector<std::int64_t>{0, 6});
  std::string list;
  for (const auto label : classes) list += (list.empty() ? "" : ", ") + std::to_string(label);
  shared.set("data.held_out", config.integer("network.held_out", at_least(0), 1000));
  shared.set("data.images", config.integer("network.images", at_least(2), 32));
  shared.set("network.width", config.integer("network.width", at_least(1), 20));
  shared.set("noise.label_noise", config.number("network.label_noise", positive(), 0.5));
  shared.set("start.seed", config.integer("network.start_seed", at_least(0), 1));
  shared.set("record.points", config.integer("network.points", at_least(1), 40));
  network.local_batch_size = config.integer("network.local_batch_size", at_least(1), 1);
  shared.set("batch.local_size", network.local_batch_size);
  network.shared = "data.classes = [" + list + "]\n" + shared.text();
  network.slow_time = config.number("network.slow_time", positive());
  network.regimes = read_regimes(config, "network");
  network.seeds = config.integer("network.seeds", at_least(2), 4);
  network.sde_steps = config.integer("network.sde_steps", at_least(1), 400);
  network.control = config.boolean("network.control", true);
  return network;
}

void add_network(const Config& config, const RunOptions& run, std::int64_t workers, std::vector<PartRun>& parts) {
  const NetworkOptions network = read_network(config, workers);
  for (const Regimes& regimes : network.regimes)
    for (const std::string regime : {"sgd", "inverse", "qsr", "sgd_small_batch"}) {
      const bool small_batch = regime == "sgd_small_batch";
      if (small_batch && !network.control) continue;
      Settings shared;
      shared.set("workers.count", small_batch ? 1 : network.workers);
      const std::string settings = network.shared + shared.text() + regimes.settings(regime, network.slow_time);
      for (const std::string weights : {"psi", "psi_disc"})
        parts.push_back({"network", regime, "sde",
                         part_settings(run, "network-" + regime + "-theory")
                             .with_rest_of(settings)
                             .set("sde.system", "network")
                             .set("sde.weights", weights)
                             .set("sde.steps", network.sde_steps)
                             .text()});
      parts.push_back({"network", regime, "train",
                       part_settings(run, "network-" + regime)
                           .with_rest_of(settings)
                           .set("train.replicas", network.seeds)
                           .set("workers.check_collectives", false)  // tripled the time of an average at H = 1
                           .text()});
    }
}

}  // namespace

std::vector<PartRun> side_by_side_parts(const Config& config, const RunOptions& run) {
  std::vector<PartRun> parts;
  const auto workers = config.integer("workers.count", at_least(2), 4);
  add_landscape(config, run, workers, "valley", parts);
  add_landscape(config, run, workers, "circle", parts);
  add_network(config, run, workers, parts);
  return parts;
}

}  // namespace quasar
