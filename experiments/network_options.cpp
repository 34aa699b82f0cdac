#include "experiments/network_options.h"

#include <filesystem>
#include <map>
#include <string>

#include "core/errors.h"

namespace quasar {
namespace {

struct Data {
  RegressionSet train, held_out;
};

Data read_data(const Config& config) {
  const std::string name =
      config.choice("data.name", {"fashion_mnist", "mnist", "procedural"}, std::string("fashion_mnist"));
  const std::string root = config.text("data.root", "");
  std::vector<int> classes;
  for (const auto label : config.integers("data.classes", between(0, 9), std::vector<std::int64_t>{0, 6}))
    classes.push_back(static_cast<int>(label));
  if (classes.size() < 2) config.fail("data.classes", "needs at least two classes");
  const auto images = static_cast<int>(config.integer("data.images", between(2, 10000), 32));
  const auto held_out = static_cast<int>(config.integer("data.held_out", between(0, 10000), 1000));
  // the parts of one comparison share their images: read once a process
  static std::map<std::filesystem::path, ImageSets> loaded;
  const ImageSource source = locate_images(name, root);
  config.substitute("data.name", source.name);
  const std::filesystem::path place = source.folder / source.name;
  if (!loaded.contains(place)) loaded.emplace(place, load_image_sets(source));
  const ImageSets& sets = loaded.at(place);
  return {make_regression_set(sets.train, classes, images), make_regression_set(sets.test, classes, held_out)};
}

}  // namespace

Eigen::VectorXd NetworkExperiment::start() const {
  const NetworkManifold model = manifold();
  Interpolation result = interpolate(model, to_eigen(network.start_parameters(start_seed, at::kDouble)));
  if (!result.converged)
    throw NumericalError("the network cannot fit its " + std::to_string(train_set.count) +
                         " images exactly (residual " + std::to_string(result.residual_norm) + " after " +
                         std::to_string(result.iterations) +
                         " Gauss-Newton steps); use a larger network.width or fewer data.images");
  return std::move(result.theta);
}

NetworkExperiment NetworkExperiment::read(const Config& config) {
  const auto workers = static_cast<int>(config.integer("workers.count", between(1, 4096), 4));
  TrainingSchedule schedule = TrainingSchedule::read(config);
  SlowRegime regime = SlowRegime::of(config, schedule, workers);
  const auto local_batch = static_cast<int>(config.integer("batch.local_size", between(1, 65536), 1));
  const double label_noise = config.number("noise.label_noise", at_least(0.0), 0.5);
  const auto points = config.integer("record.points", at_least(1), 40);
  const auto width = static_cast<int>(config.integer("network.width", between(1, 4096), 20));
  const auto start_seed = static_cast<std::uint64_t>(config.integer("start.seed", at_least(0), 1));
  Data data = read_data(config);
  const TanhMlp network(data.train.features, width, data.train.outputs);
  if (network.parameter_count() <= static_cast<std::int64_t>(data.train.count) * data.train.outputs)
    config.fail("network.width",
                "the network has " + std::to_string(network.parameter_count()) +
                    " parameters and cannot interpolate data.images = " + std::to_string(data.train.count));
  return {std::move(schedule),   std::move(regime),        workers,   local_batch, label_noise, points, network,
          std::move(data.train), std::move(data.held_out), start_seed};
}

}  // namespace quasar
