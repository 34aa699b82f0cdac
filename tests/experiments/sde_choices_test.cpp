// What `quasar sde` offers by name, each against a closed form or a solver without paths.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "core/drift_factors.h"
#include "core/estimate.h"
#include "core/recorder.h"
#include "sde/one_dimensional.h"
#include "tests/experiments/binary.h"
#include "toy_models/ellipse.h"

namespace quasar {
namespace {

using nlohmann::json;
using testing::AllOf;

const Words kSecondOrder = {"sde.scheme=talay_tubaro", "sde.retraction=newton"};

class SdeChoices : public CommandLine {
 protected:
  /// Runs the landscape for a slow time of 0.5 at K = 4, H = 1 unless told otherwise, into results of its own.
  Outcome sde(const std::string& results, const std::string& landscape, const Words& more) const {
    const std::string file = landscape + ".toml";
    write_text(here() / file, "[landscape]\nname = \"" + landscape +
                                  "\"\n[training]\nslow_time = 0.5\n[learning_rate]\npeak = 0.005\n");
    return quasar(Words{"sde", "--no-figure", file, "run.results=" + results} + more);
  }
  json last(const std::string& results) const {
    return read_series(only_run(results), "observables").back().at("observables");
  }
  /// Mean and standard error at the end of a run that must succeed.
  Estimate end_of(const std::string& results, const std::string& landscape, const Words& more,
                  const std::string& observable) const {
    EXPECT_THAT(sde(results, landscape, more), exits_with(0));
    const json found = last(results).at(observable);
    return {found.at("mean"), found.at("se")};
  }
};

void expect_theory_and_not(const Estimate& found, double theory, double wrong, double bias = 0.0) {
  std::printf("%.5f +- %.5f, theory %.5f, wrong theory %.5f\n", found.mean, found.standard_error, theory, wrong);
  EXPECT_NEAR(found.mean, theory, 4 * found.standard_error + bias);
  EXPECT_GT(std::abs(found.mean - wrong), 4 * found.standard_error + bias);
}

TEST_F(SdeChoices, LimitingDiffusionHasTheLawOfSgdsSlowSde) {
  const Words blind = {"sde.solver=backward_equation"};
  const double sgd = end_of("sgd", "circle", blind, "cos_2phi").mean;
  const double two =
      end_of("two", "circle", blind + Words{"sync.rule=qsr", "sync.alpha=0.1", "workers.count=2"}, "cos_2phi").mean;
  const Words settings = {"sde.equation=limiting_diffusion", "sde.noise=three_point", "sde.steps=32", "sde.paths=4000"};
  for (const std::string scheme : {"platen", "talay_tubaro"}) {
    const Words named = {"sde.scheme=" + scheme, "sde.retraction=newton"};
    expect_theory_and_not(end_of(scheme, "circle", settings + named, "cos_2phi"), sgd, two);
    EXPECT_EQ(read_run_json(only_run(scheme)).at("integrator").at("equation"), "limiting_diffusion");
  }
}

TEST_F(SdeChoices, LimitingDiffusionIsRefusedBesideLocalStepsOrWeights) {
  const std::string named = "sde.equation=limiting_diffusion";
  EXPECT_THAT(sde("x", "circle", {named, "sync.rule=inverse", "sync.beta=0.1"}),
              AllOf(fails_with(2, "sde.equation"), fails_with(2, "sync.rule = 'inverse' has H = 20")));
  EXPECT_THAT(sde("x", "circle", {named, "sde.weights=psi"}),
              AllOf(fails_with(2, "sde.weights"), fails_with(2, "limiting_diffusion")));
  EXPECT_TRUE(runs("x").empty());
}

// The finest level's own bias is that of Euler's scheme with 256 steps: about 0.0007, from -0.0013 at 128 on this circle.
TEST_F(SdeChoices, MultilevelMeansHaveTheStandardErrorAskedForAndTheLevelsAddUp) {
  const double exact = end_of("exact", "circle", {"sde.solver=backward_equation"}, "cos_2phi").mean;
  const Words settings = {"sde.estimator=multilevel",
                          "sde.standard_error=0.008",
                          "sde.steps=256",
                          "sde.levels=6",
                          "sde.retraction=newton",
                          "sde.pilot=400"};
  const Estimate found = end_of("levels", "circle", settings, "cos_2phi");
  std::printf("%.5f +- %.5f, exact %.5f\n", found.mean, found.standard_error, exact);
  EXPECT_NEAR(found.mean, exact, 4 * found.standard_error);
  EXPECT_NEAR(found.standard_error, 0.008, 0.0016);  // variances from 400 pilot paths
  const json end = last("levels").at("cos_2phi");
  EXPECT_LT(2 * end.at("cost").get<double>(), end.at("single_level_cost").get<double>());
  double sum = 0, variance = 0, cost = 0, last_variance = 10;
  std::int64_t steps = 8;
  for (const json& level : read_series(only_run("levels"), "levels")) {
    if (level.at("observable") != "cos_2phi") continue;
    EXPECT_EQ(level.at("steps"), steps);
    EXPECT_LT(level.at("variance"), last_variance);
    last_variance = level.at("variance").get<double>() * 1.3;  // its own error
    sum += level.at("mean").get<double>();
    variance += std::pow(level.at("se").get<double>(), 2);
    cost += level.at("paths").get<double>() * level.at("cost_of_a_path").get<double>();
    steps *= 2;
  }
  EXPECT_EQ(steps, 512);
  EXPECT_NEAR(sum, found.mean, 1e-12);
  EXPECT_NEAR(std::sqrt(variance), found.standard_error, 1e-12);
  EXPECT_EQ(cost, end.at("cost"));
  ASSERT_THAT(sde("one", "circle", settings + Words{"sde.threads=1"}), exits_with(0));
  ASSERT_THAT(sde("three", "circle", settings + Words{"sde.threads=3"}), exits_with(0));
  for (const std::string series : {"observables.jsonl", "levels.jsonl"})
    EXPECT_EQ(read_text(only_run("one") / series), read_text(only_run("three") / series));
}

TEST_F(SdeChoices, MultilevelRefusesWhatItHasNoUseFor) {
  const Words named = {"sde.estimator=multilevel", "sde.standard_error=0.01"};
  for (const std::string wrong : {"sde.paths=10", "record.points=3", "sde.scheme=platen", "sde.noise=two_point"})
    EXPECT_THAT(sde("x", "circle", named + Words{wrong}),
                AllOf(fails_with(2, wrong.substr(0, wrong.find('='))), fails_with(2, "sde.estimator = multilevel")));
  EXPECT_THAT(sde("x", "circle", named + Words{"sde.steps=100"}), fails_with(2, "sde.levels"));
  EXPECT_THAT(sde("x", "circle", {"sde.estimator=multilevel"}), fails_with(2, "sde.standard_error"));
  EXPECT_TRUE(runs("x").empty());
}

// T13b of the theory: on the periodic valley v rests at K' (sx2, sy2), K' = 1 (parallel) or K (Local Adam), and
//   dy = -(1/2)(sx/sy) sin y (m/K') dt + dW/sqrt K',   m = 1 + (K - 1) psi(2 eta H e^(-cos y)/(sqrt K' sx)),
// which for sx = 1, sy = 1/2 is the Slow SDE of SGD with sx2 = 2/K', sy2 = 1/K' and H/sqrt K' in place of H.
TEST_F(SdeChoices, AdamsSlowDynamicsIsThatOfSgdWithOtherNoiseAndAnotherH) {
  const auto adam = [&](const std::string& results, int paths, const Words& more) {
    const Words settings = {"optimizer.name=adam", "landscape.noise_scale_y=0.5", "sde.steps=128",
                            "sde.paths=" + std::to_string(paths)};
    return end_of(results, "periodic_valley", settings + more, "cos_y");
  };
  const auto sgd = [&](const std::string& results, double x_variance, double y_variance, const Words& more) {
    const Words settings = {"sde.solver=backward_equation",
                            "landscape.noise_scale_x=" + std::to_string(std::sqrt(x_variance)),
                            "landscape.noise_scale_y=" + std::to_string(std::sqrt(y_variance))};
    return end_of(results, "periodic_valley", settings + more, "cos_y").mean;
  };
  expect_theory_and_not(adam("parallel", 4000, {}), sgd("sgd", 2, 1, {}), sgd("unscaled", 1, 0.25, {}));
  const Words local = {"sync.rule=inverse", "training.slow_time=4.0"};
  expect_theory_and_not(adam("local", 16000, local + Words{"sync.beta=2.0"}),
                        sgd("local_sgd", 0.5, 0.25, local + Words{"sync.beta=1.0"}),
                        sgd("plain_h", 0.5, 0.25, local + Words{"sync.beta=2.0"}));
  EXPECT_EQ(read_run_json(only_run("local")).at("integrator").at("equation"), "adam");
}

TEST_F(SdeChoices, AdamIsRefusedWithWhatItsSlowDynamicsDoesNotHave) {
  for (const std::string wrong : {"sde.scheme=platen", "sde.retraction=gradient_flow", "sde.weights=psi_disc",
                                  "sde.equation=limiting_diffusion", "optimizer.beta2=1"}) {
    const std::string key = wrong.substr(0, wrong.find('='));
    EXPECT_THAT(sde("x", "periodic_valley", {"optimizer.name=adam", wrong}), fails_with(2, key)) << wrong;
  }
  EXPECT_THAT(sde("x", "periodic_valley", {"optimizer.name=adam", "optimizer.momentum=0.5"}),
              fails_with(2, "optimizer.momentum"));
  EXPECT_THAT(sde("x", "valley", {"optimizer.name=adam", "optimizer.epsilon=0"}), fails_with(5, "no noise"));
}

// No noise along the manifold, so one path does; tr H = n sum_i h_i sqrt(4 + (c^2 - c^-2)^2 e^(-2 n s2 m t))
TEST_F(SdeChoices, MatrixFactorizationFlattensByTheLawOfItsImbalance) {
  const auto theory = [](double multiplier) {
    const double gap = (2.25 - 1 / 2.25) * std::exp(-8 * 0.25 * multiplier * 0.5);
    return 8 * (1 + 4.0 / 3 + 5.0 / 3) * std::sqrt(4 + gap * gap);
  };
  const Words one_path = kSecondOrder + Words{"sde.paths=1", "sde.steps=80", "record.points=1"};
  const Estimate sgd = end_of("sgd", "matrix_factorization", one_path, "trace_hessian");
  expect_theory_and_not(sgd, theory(1), theory(0.99), 0.005);
  const Words qsr = {"sync.rule=qsr", "sync.alpha=0.1", "sde.weights=limit"};
  expect_theory_and_not(end_of("qsr", "matrix_factorization", one_path + qsr, "trace_hessian"), theory(4), theory(3),
                        0.005);
  EXPECT_EQ(read_run_json(only_run("qsr")).at("start").at("point").size(), 48u);
  EXPECT_THAT(sde("x", "matrix_factorization", {"landscape.rows=100", "landscape.columns=101"}),
              AllOf(fails_with(2, "landscape.rank"), fails_with(2, "603 parameters")));
}

// Label noise has no part along the manifold: QSR's flow is K times SGD's, and the limiting diffusion is SGD's flow.
TEST_F(SdeChoices, TanhNetworkFlowsKTimesAsFastUnderQsr) {
  const Words one_path = kSecondOrder + Words{"sde.paths=1", "sde.steps=40", "record.points=1"};
  const auto trace = [&](const std::string& results, const Words& more) {
    return end_of(results, "tanh_network", one_path + more, "trace_hessian").mean;
  };
  const double sgd = trace("sgd", {"training.slow_time=2.0"});
  const double start = read_series(only_run("sgd"), "observables")[0].at("observables").at("trace_hessian").at("mean");
  std::printf("tr H from %.6f to %.6f\n", start, sgd);
  EXPECT_LT(sgd, 0.99 * start);
  EXPECT_NEAR(trace("qsr", {"sync.rule=qsr", "sync.alpha=0.1", "sde.weights=limit"}), sgd, 1e-6);
  EXPECT_NEAR(trace("diffusion", {"training.slow_time=2.0", "sde.equation=limiting_diffusion"}), sgd, 1e-3);
  EXPECT_GT(std::abs(trace("three", {"training.slow_time=1.5"}) - sgd), 0.01);
  EXPECT_THAT(sde("x", "tanh_network", {"landscape.samples=24"}), fails_with(2, "landscape.samples"));
}

// The landscape's closed forms for the angle, in the deterministic solver.
TEST_F(SdeChoices, EllipseHasTheTransientOfItsClosedForm) {
  const Ellipse ellipse{};
  const auto grid = periodic_grid(0.6, std::numbers::pi, 64);
  const auto theory = [&](const DriftWeights& weights) {
    const CoordinateField field = [&](double phi) -> CoordinateCoefficients {
      const double steep = ellipse.steepness(phi), diffusion = ellipse.diffusion_of_angle(phi);
      return {ellipse.drift_of_angle(phi, weights(steep, steep), weights(0.0, steep)), diffusion * diffusion};
    };
    const Eigen::VectorXd observed = grid.values([](double phi) { return std::cos(2 * phi); });
    return expectation(grid, field, observed, 0.5)(0, 0);
  };
  const Words settings = kSecondOrder + Words{"sde.paths=16000", "sde.steps=32", "sync.rule=inverse", "sync.beta=0.4"};
  expect_theory_and_not(end_of("ellipse", "ellipse", settings, "cos_2phi"), theory({drift_weights::LocalSgd{0.4}, 4}),
                        theory({drift_weights::Sgd{}, 4}));
  const Words exactly = {"sde.solver=backward_equation", "sync.rule=inverse", "sync.beta=0.4"};
  EXPECT_NEAR(end_of("exact", "ellipse", exactly, "cos_2phi").mean, theory({drift_weights::LocalSgd{0.4}, 4}), 1e-7);
}

// ln p_j falls at the rate 4 s2 q_j m, q = 1 and s2 = 1/4 here; paths have no noise along the manifold.
TEST_F(SdeChoices, DiagonalNetworkContractsItsProductsAtTheRateOfTheRegime) {
  const Words one_path = kSecondOrder + Words{"sde.paths=2", "sde.steps=100", "record.points=1"};
  const auto theory = [](double multiplier) { return std::log(0.25) - 0.5 * multiplier; };
  expect_theory_and_not(end_of("sgd", "diagonal_network", one_path, "log_product"), theory(1), theory(0.99), 0.001);
  const Words qsr = {"sync.rule=qsr", "sync.alpha=0.1", "sde.weights=limit"};
  expect_theory_and_not(end_of("qsr", "diagonal_network", one_path + qsr, "log_product"), theory(4), theory(3), 0.02);
}

}  // namespace
}  // namespace quasar
