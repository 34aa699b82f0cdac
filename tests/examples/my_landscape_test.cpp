#include "tests/examples/my_landscape.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <tuple>

#include "sde/path_ensemble.h"
#include "tests/laws/loss_laws.h"
#include "toy_models/cpu_dispatch.h"
#include "toy_models/landscape.h"

namespace quasar {
namespace {

static_assert(Landscape<MyLandscape>);

// All laws of landscapes, for one line.
struct MyCase {
  static MyLandscape landscape() { return {{{0.7}}}; }
  static Vec<2> near() { return {0.8, 0.4}; }
  static constexpr double spread = 0.2;
  static constexpr int rank = 1;
};
INSTANTIATE_TYPED_TEST_SUITE_P(MyLandscape, LossLaws, testing::Types<MyCase>);
INSTANTIATE_TYPED_TEST_SUITE_P(MyLandscape, LandscapeLaws, testing::Types<MyCase>);

Vec<2> on_parabola(double x) { return {x, 0.5 * x * x}; }

// With S = s2 I there is no mixed block, and from the eigenvalue 1 + x^2 on the parabola
// dx = -(s2/2)(m + 1) x/(1 + x^2)^2 dt + sqrt(s2/(1 + x^2)) dW
TEST(MyLandscape, HasItsSlowSde) {
  const MyLandscape landscape{{{0.7}}};
  for (const double m : {1.0, 4.0})
    for (const double x : {-0.6, 0.0, 1.1}) {
      const DriftWeights weights =
          m == 1.0 ? DriftWeights{drift_weights::Sgd{}, 4} : DriftWeights{drift_weights::Quadratic{}, 4};
      const auto ito = ito_coefficient_field(landscape, landscape, weights)(on_parabola(x));
      EXPECT_NEAR(ito.drift[0], -0.245 * (m + 1) * x / std::pow(1 + x * x, 2), 1e-10);
      EXPECT_NEAR(ito.diffusion.row(0).norm(), 0.7 / std::sqrt(1 + x * x), 1e-10);
    }
}

/// E x^2 of Phi of the average after a slow time, over replicas of Local SGD with K = 4 and period H.
Estimate measured_square(const MyLandscape& landscape, double eta, std::int64_t period, double slow_time,
                         std::uint32_t replicas) {
  const auto rounds = static_cast<std::int64_t>(std::llround(slow_time / (eta * eta))) / period;
  const std::vector<std::int64_t> periods(static_cast<std::size_t>(rounds), period);
  const std::vector<double> rates(static_cast<std::size_t>(rounds * period), eta);
  RunningMoments moments;
  for (std::uint32_t first = 0; first < replicas; first += kLanes) {
    Block<2, double> block{};
    for (int lane = 0; lane < kLanes; ++lane)
      for (int i = 0; i < 2; ++i) block.average[i][lane] = on_parabola(1.0)[i];
    advance_block(best_instruction_set(), landscape, RoundsView<double>{0, periods.data(), rounds, rates.data()},
                  {5, 4}, first, block);
    for (int lane = 0; lane < kLanes; ++lane)
      moments.add(landscape.project({block.average[0][lane], block.average[1][lane]}).cwiseAbs2()[0]);
  }
  return moments.estimate();
}

/// The same of the Slow SDE.
Estimate predicted_square(const MyLandscape& landscape, const DriftWeights& weights, double slow_time) {
  PathOptions options;
  options.time_step = slow_time / 20;
  options.paths = 2000;
  options.seed = 3;
  options.threads = 2;
  options.noise_law = NoiseLaw::three_point;
  options.scheme = PathScheme::platen;
  options.retraction = PathRetraction::newton;
  PathEnsemble<MyLandscape, MyLandscape> ensemble(landscape, landscape, weights, options, on_parabola(1.0));
  ensemble.advance(20);
  EXPECT_EQ(ensemble.paths_that_left(), 0);
  return ensemble.measure([](const Vec<2>& x) { return x[0] * x[0]; }).estimate();
}

TEST(MyLandscape, LocalSgdOnItFollowsTheSlowSde) {
  const MyLandscape landscape{{{0.5}}};
  const DriftWeights sgd{drift_weights::Sgd{}, 4}, local{drift_weights::LocalSgd{1.0}, 4};
  const Estimate of_sgd = predicted_square(landscape, sgd, 1.0), of_local = predicted_square(landscape, local, 1.0);
  const auto extrapolated = [&](double beta) {
    const auto at = [&](double eta) {
      const std::int64_t period = beta == 0.0 ? 1 : std::llround(beta / eta);
      return measured_square(landscape, eta, period, 1.0, 6400);
    };
    return extrapolate_to_zero(0.05, at(0.05), 0.025, at(0.025));
  };
  for (const auto& [beta, theory, wrong] : {std::tuple{0.0, of_sgd, of_local}, std::tuple{1.0, of_local, of_sgd}}) {
    const Estimate measured = extrapolated(beta);
    const double error = std::hypot(measured.standard_error, theory.standard_error);
    std::printf("eta H = %g: E x^2 = %.4f, Slow SDE %.4f, s.e. of the difference %.4f\n", beta, measured.mean,
                theory.mean, error);
    EXPECT_NEAR(measured.mean, theory.mean, 4 * error);
    EXPECT_GT(std::abs(measured.mean - wrong.mean), 4 * error) << "the test cannot tell";
  }
}

}  // namespace
}  // namespace quasar
