#include "experiments/landscapes.h"

#include <cmath>

namespace quasar {
namespace {

LandscapeProblem<Valley> read_valley(const Config& config) {
  const Valley valley{config.number("landscape.noise_scale", at_least(0.0), 1.0)};
  const double y = config.number("landscape.start", any_number(), 0.5);
  return {valley, Vec<2>(0.0, y), {{"y", [](const Vec<2>& x) { return x[1]; }}}};
}

LandscapeProblem<Circle> read_circle(const Config& config) {
  const Circle circle{config.number("landscape.stiffness", positive(), 4.0),
                      config.number("landscape.noise_scale_x", at_least(0.0), std::sqrt(2.0)),
                      config.number("landscape.noise_scale_y", at_least(0.0), std::sqrt(0.4))};
  const double phi = config.number("landscape.start", any_number(), 0.6);
  const auto cos_2phi = [](const Vec<2>& x) { return (x[0] * x[0] - x[1] * x[1]) / x.squaredNorm(); };
  return {circle, Vec<2>(std::cos(phi), std::sin(phi)), {{"cos_2phi", cos_2phi}}};
}

LandscapeProblem<Hyperbola> read_hyperbola(const Config& config) {
  const Hyperbola hyperbola{config.number("landscape.noise_scale", at_least(0.0), 1.0)};
  const double s = config.number("landscape.start", any_number(), 0.7);
  return {hyperbola,
          Vec<2>(std::exp(s), std::exp(-s)),
          {{"imbalance", [](const Vec<2>& x) { return x[0] * x[0] - x[1] * x[1]; }}}};
}

}  // namespace

NamedLandscape read_landscape(const Config& config) {
  const std::string name = config.choice("landscape.name", {"valley", "circle", "hyperbola"});
  config.forget_replaced("landscape.name", {"landscape.start", "landscape.stiffness", "landscape.noise_scale",
                                            "landscape.noise_scale_x", "landscape.noise_scale_y"});
  if (name == "valley") return {name, read_valley(config)};
  if (name == "circle") return {name, read_circle(config)};
  return {name, read_hyperbola(config)};
}

}  // namespace quasar
