#include "experiments/landscapes.h"

#include <cmath>
#include <numbers>

#include "experiments/dynamic_landscapes.h"
#include "experiments/other_keys.h"

namespace quasar {
namespace {

const std::vector<std::string> kLandscapes = {"valley",
                                              "circle",
                                              "hyperbola",
                                              "river",
                                              "periodic_valley",
                                              "sphere",
                                              "turning_valley",
                                              "ellipse",
                                              "diagonal_network",
                                              "least_squares",
                                              "quadratic",
                                              "multiplicative_quadratic",
                                              "matrix_factorization",
                                              "tanh_network"};

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
  const auto sin_2phi = [](const Vec<2>& x) { return 2 * x[0] * x[1] / x.squaredNorm(); };
  const ManifoldCurve<2> curve{[](double q) { return Vec<2>(std::cos(q), std::sin(q)); },
                               [](double q) { return Vec<2>(-std::sin(q), std::cos(q)); },
                               [](double q) { return Vec<2>(-std::cos(q), -std::sin(q)); },
                               [](const Vec<2>& x) { return std::atan2(x[1], x[0]); }};
  return {circle,
          Vec<2>(std::cos(phi), std::sin(phi)),
          {{"cos_2phi", cos_2phi}, {"sin_2phi", sin_2phi}},
          {{"phi", 0.0, std::numbers::pi, curve}}};  // x and -x have the same law
}

LandscapeProblem<Hyperbola> read_hyperbola(const Config& config) {
  const Hyperbola hyperbola{config.number("landscape.noise_scale", at_least(0.0), 1.0)};
  const double s = config.number("landscape.start", any_number(), 0.7);
  return {hyperbola,
          Vec<2>(std::exp(s), std::exp(-s)),
          {{"imbalance", [](const Vec<2>& x) { return x[0] * x[0] - x[1] * x[1]; }}}};
}

LandscapeProblem<River> read_river(const Config& config) {
  const River river{config.number("landscape.stiffness", positive(), 1.0),
                    config.number("landscape.narrowing", positive(), 1.0),
                    config.number("landscape.noise_scale_x", at_least(0.0), 1.0),
                    config.number("landscape.noise_scale_y", at_least(0.0), 0.5)};
  const double y = config.number("landscape.start", any_number(), 1.0);
  const auto y_squared = [](const Vec<2>& x) { return x[1] * x[1]; };
  return {river, Vec<2>(0.0, y), {{"y", [](const Vec<2>& x) { return x[1]; }}, {"y_squared", y_squared}}};
}

LandscapeProblem<PeriodicValley> read_periodic_valley(const Config& config) {
  const PeriodicValley valley{config.number("landscape.noise_scale_x", at_least(0.0), 1.0),
                              config.number("landscape.noise_scale_y", at_least(0.0), std::sqrt(0.5))};
  const double y = config.number("landscape.start", any_number(), 1.0);
  const ManifoldCurve<2> floor{[](double q) { return Vec<2>(0.0, q); }, [](double) { return Vec<2>(0.0, 1.0); },
                               [](double) { return Vec<2>(0.0, 0.0); }, [](const Vec<2>& x) { return x[1]; }};
  return {valley,
          Vec<2>(0.0, y),
          {{"cos_y", [](const Vec<2>& x) { return std::cos(x[1]); }},
           {"sin_y", [](const Vec<2>& x) { return std::sin(x[1]); }}},
          {{"y", -std::numbers::pi, 2 * std::numbers::pi, floor}}};
}

LandscapeProblem<Sphere<3>> read_sphere(const Config& config) {
  const Sphere<3> sphere{config.number("landscape.stiffness", positive(), 4.0),
                         config.number("landscape.noise_scale", at_least(0.0), 1.0)};
  return {sphere, Vec<3>::UnitX(), {{"overlap", [](const Vec<3>& x) { return x[0] / x.norm(); }}}};
}

LandscapeProblem<TurningValley> read_turning_valley(const Config& config) {
  const TurningValley valley{config.number("landscape.stiffness_u", positive(), 4.0),
                             config.number("landscape.stiffness_v", positive(), 1.0),
                             config.number("landscape.turn_rate", any_number(), 1.0),
                             config.number("landscape.noise_scale_x", at_least(0.0), 1.0),
                             config.number("landscape.noise_scale_y", at_least(0.0), 0.5),
                             config.number("landscape.noise_scale_z", at_least(0.0), 0.5)};
  const double z = config.number("landscape.start", any_number(), 0.4);
  return {valley, Vec<3>(0.0, 0.0, z), {{"z", [](const Vec<3>& x) { return x[2]; }}}};
}

LandscapeProblem<Ellipse> read_ellipse(const Config& config) {
  const Ellipse ellipse{config.number("landscape.stiffness", positive(), 4.0),
                        config.number("landscape.semi_axis_x", positive(), 1.25),
                        config.number("landscape.semi_axis_y", positive(), 0.8),
                        config.number("landscape.noise_scale_x", at_least(0.0), 1.0),
                        config.number("landscape.noise_scale_y", at_least(0.0), 1.0)};
  const double phi = config.number("landscape.start", any_number(), 0.6);
  const auto cos_2phi = [ellipse](const Vec<2>& x) { return std::cos(2 * ellipse.angle(x)); };
  const double p = ellipse.semi_axis_x, q = ellipse.semi_axis_y;
  const ManifoldCurve<2> curve{[p, q](double angle) { return Vec<2>(p * std::cos(angle), q * std::sin(angle)); },
                               [p, q](double angle) { return Vec<2>(-p * std::sin(angle), q * std::cos(angle)); },
                               [p, q](double angle) { return Vec<2>(-p * std::cos(angle), -q * std::sin(angle)); },
                               [ellipse](const Vec<2>& x) { return ellipse.angle(x); }};
  return {ellipse,
          ellipse.point(phi),
          {{"cos_2phi", cos_2phi}},
          {{"phi", 0.0, std::numbers::pi, curve}}};  // x and -x have the same law
}

/// Three samples whose inputs are the bits of 0 to 7 as signs: no fit has a smaller |w|_1 than the largest |label|, 1.
LandscapeProblem<DiagonalNetwork<8, 3>> read_diagonal_network(const Config& config) {
  DiagonalNetwork<8, 3> network{{}, {1.0, -0.8, 0.6}, config.number("landscape.noise_scale", at_least(0.0), 0.5)};
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 8; ++j) network.inputs[i][j] = (j >> i & 1) != 0 ? -1.0 : 1.0;
  const Vec<16> start = Vec<16>::Constant(config.number("landscape.start", positive(), 0.5));
  const auto weight_norm = [](const Vec<16>& x) { return DiagonalNetwork<8, 3>::linear_map(x).lpNorm<1>(); };
  const auto log_product = [](const Vec<16>& x) { return std::log(x[0] * x[8]); };
  return {network, network.project(start), {{"weight_norm", weight_norm}, {"log_product", log_product}}};
}

/// Four samples of two features that no line fits, so that sampling them is noise at the minimum too.
LandscapeProblem<LeastSquares<2, 4>> read_least_squares(const Config& config) {
  const LeastSquares<2, 4> regression{{{1.0, 0.2}, {-0.4, 1.1}, {0.7, -0.9}, {0.3, 0.6}},
                                      {1.0, -0.5, 0.3, 0.8},
                                      config.number("landscape.noise_scale", at_least(0.0), 1.0)};
  const Vec<2> start = Vec<2>::Constant(config.number("landscape.start", any_number(), 0.0));
  return {
      regression, start, {{"x", [](const Vec<2>& x) { return x[0]; }}, {"y", [](const Vec<2>& x) { return x[1]; }}}};
}

/// A bowl of two curvatures; a line of minimisers where stiffness_v is 0.
LandscapeProblem<Quadratic<2>> read_quadratic(const Config& config) {
  const Quadratic<2> bowl{{config.number("landscape.stiffness_u", positive(), 4.0),
                           config.number("landscape.stiffness_v", at_least(0.0), 1.0)},
                          {config.number("landscape.noise_scale_x", at_least(0.0), 1.0),
                           config.number("landscape.noise_scale_y", at_least(0.0), 0.5)}};
  const Vec<2> start = Vec<2>::Constant(config.number("landscape.start", any_number(), 0.0));
  return {bowl, start, {{"x", [](const Vec<2>& x) { return x[0]; }}, {"y", [](const Vec<2>& x) { return x[1]; }}}};
}

LandscapeProblem<MultiplicativeQuadratic> read_multiplicative_quadratic(const Config& config) {
  const MultiplicativeQuadratic bowl{config.number("landscape.stiffness", positive(), 1.0),
                                     config.number("landscape.noise_scale_x", at_least(0.0), 0.5),
                                     config.number("landscape.noise_scale", at_least(0.0), 1.0)};
  return {bowl, Vec<1>(config.number("landscape.start", any_number(), 0.0)), {}};
}

}  // namespace

NamedLandscape read_landscape(const Config& config) {
  const std::string name = config.choice("landscape.name", kLandscapes);
  config.forget_replaced("landscape.name", other_keys::kLandscapeSettings);
  if (name == "valley") return {name, read_valley(config)};
  if (name == "circle") return {name, read_circle(config)};
  if (name == "hyperbola") return {name, read_hyperbola(config)};
  if (name == "river") return {name, read_river(config)};
  if (name == "periodic_valley") return {name, read_periodic_valley(config)};
  if (name == "sphere") return {name, read_sphere(config)};
  if (name == "turning_valley") return {name, read_turning_valley(config)};
  if (name == "ellipse") return {name, read_ellipse(config)};
  if (name == "least_squares") return {name, read_least_squares(config)};
  if (name == "quadratic") return {name, read_quadratic(config)};
  if (name == "multiplicative_quadratic") return {name, read_multiplicative_quadratic(config)};
  if (name == "matrix_factorization") return {name, read_matrix_factorization(config)};
  if (name == "tanh_network") return {name, read_tanh_network(config)};
  return {name, read_diagonal_network(config)};
}

void require_closed_curve(const Config& config, bool is_closed, const std::string& key) {
  if (!is_closed)
    config.fail(key, "needs a landscape whose minimisers are a closed curve: circle, ellipse or periodic_valley");
}

void require_closed_curve(const Config& config, const NamedLandscape& landscape, const std::string& key) {
  require_closed_curve(
      config, std::visit([](const auto& problem) { return problem.closed_curve.has_value(); }, landscape.problem), key);
}

}  // namespace quasar
