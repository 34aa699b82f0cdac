#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/distributed/free_port.h"
#include "tests/experiments/binary.h"

namespace quasar {

/// A few steps of a small network on images in MNIST's format, which the test writes.
class SmallTraining : public NetworkCommandLine {
 protected:
  static constexpr int kSteps = 6, kWorkers = 2, kBatch = 8;

  /// Square images whose labels are 0, ..., classes - 1 in turn.
  void write_images(const std::string& folder, std::uint32_t train, std::uint32_t test, int classes = 10,
                    std::uint32_t side = 8) const {
    constexpr std::size_t kHeader = 8;
    for (const auto& [prefix, count] : {std::pair("train", train), std::pair("t10k", test)}) {
      const std::string start = here() / folder / prefix;
      std::vector<std::uint8_t> labels = idx_bytes({count});
      for (std::size_t i = kHeader; i < labels.size(); ++i)
        labels[i] = static_cast<std::uint8_t>(labels[i] % static_cast<unsigned>(classes));
      write_bytes(start + "-images-idx3-ubyte", idx_bytes({count, side, side}));
      write_bytes(start + "-labels-idx1-ubyte", labels);
    }
  }

  static Words training(const std::string& results, const Words& more) {
    const Words usual = {"train",
                         kExperiments / "cifar10.toml",
                         "data.name=mnist",
                         "data.flip=false",
                         "data.crop_padding=0",
                         "network.name=mlp",
                         "network.width=8",
                         "batch.local_size=" + std::to_string(kBatch),
                         "workers.count=" + std::to_string(kWorkers),
                         "training.steps=" + std::to_string(kSteps),
                         "learning_rate.warmup_steps=2",
                         "evaluate.when=steps"};
    return with_settings(usual, Words{"run.results=" + results} + more);
  }

  /// One process a command under torchrun's variables, set by hand.
  std::vector<Outcome> under_torchrun(const std::vector<Words>& commands) const {
    const std::string port = std::to_string(free_port()), world = std::to_string(commands.size());
    const EnvironmentVariable w("WORLD_SIZE", world), a("MASTER_ADDR", "127.0.0.1"), p("MASTER_PORT", port);
    std::vector<std::unique_ptr<RunningBinary>> ranks;
    for (const Words& command : commands) {
      const std::string rank = std::to_string(ranks.size());
      const EnvironmentVariable r("RANK", rank), l("LOCAL_RANK", rank);
      ranks.push_back(start(command));
    }
    std::vector<Outcome> outcomes;
    for (const auto& rank : ranks) outcomes.push_back(rank->wait(kDeadline));
    return outcomes;
  }
};

}  // namespace quasar
