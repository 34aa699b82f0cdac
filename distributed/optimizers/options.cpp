#include "distributed/optimizers/options.h"

#include "core/config.h"

namespace quasar {
namespace {

double read_share(const Config& config, const std::string& key, double fallback) {
  const double value = config.number(key, between(0.0, 1.0), fallback);
  if (value == 1.0) config.fail(key, "must be below 1");
  return value;
}

}  // namespace

OptimizerOptions OptimizerOptions::read(const Config& config) {
  OptimizerOptions options;
  const std::string name = config.choice("optimizer.name", {"sgd", "adamw"}, std::string("sgd"));
  if (name == "sgd") {
    const Sgd sgd{.momentum = read_share(config, "optimizer.momentum", 0.0),
                  .nesterov = config.boolean("optimizer.nesterov", false),
                  .weight_decay = config.number("optimizer.weight_decay", at_least(0.0), 0.0)};
    if (sgd.nesterov && sgd.momentum == 0.0) config.fail("optimizer.nesterov", "needs optimizer.momentum > 0");
    options.kind = sgd;
  } else {
    const AdamW defaults;
    options.kind = AdamW{.beta1 = read_share(config, "optimizer.beta1", defaults.beta1),
                         .beta2 = read_share(config, "optimizer.beta2", defaults.beta2),
                         .epsilon = config.number("optimizer.epsilon", positive(), defaults.epsilon),
                         .weight_decay = config.number("optimizer.weight_decay", at_least(0.0), defaults.weight_decay)};
  }
  config.forget_replaced("optimizer.name", {"optimizer.momentum", "optimizer.nesterov", "optimizer.beta1",
                                            "optimizer.beta2", "optimizer.epsilon"});
  return options;
}

OuterOptions OuterOptions::read(const Config& config) {
  OuterOptions options;
  const std::string name = config.choice("outer.name", {"none", "slowmo", "diloco"}, std::string("none"));
  if (name == "slowmo") {
    const SlowMo defaults;
    options.kind = SlowMo{.beta = read_share(config, "outer.beta", defaults.beta),
                          .alpha = config.number("outer.alpha", positive(), defaults.alpha)};
  }
  if (name == "diloco") {
    const OuterNesterov defaults;
    options.kind =
        OuterNesterov{.learning_rate = config.number("outer.learning_rate", positive(), defaults.learning_rate),
                      .momentum = read_share(config, "outer.momentum", defaults.momentum)};
  }
  config.forget_replaced("outer.name", {"outer.beta", "outer.alpha", "outer.learning_rate", "outer.momentum"});
  return options;
}

}  // namespace quasar
