#include "core/jets.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "core/jet_loss.h"

namespace quasar {
namespace {

using std::cos, std::exp, std::log, std::sin, std::sqrt, std::tanh;

/// A number with its first three derivatives along one variable.
using Third = Taylor2<Dual<double, 1>>;
Third variable(double x) { return {Dual<double, 1>::variable(x, 0), Dual<double, 1>(1.0), Dual<double, 1>(0.0)}; }

/// f, f', f'', f''' as jets have them, each in the two ways there are.
void expect_derivatives(const std::string& name, const Third& f, double value, double first, double second,
                        double third) {
  SCOPED_TRACE(name);
  EXPECT_NEAR(f.value.value, value, 2e-15);
  EXPECT_NEAR(f.value.slope[0], first, 1e-14);
  EXPECT_NEAR(f.first.value, first, 1e-14);
  EXPECT_NEAR(f.first.slope[0], second, 1e-14);
  EXPECT_NEAR(2 * f.second.value, second, 1e-14);
  EXPECT_NEAR(2 * f.second.slope[0], third, 1e-13);
}

TEST(Jets, HaveTheDerivativesOfEveryFunction) {
  for (const double a : {0.4, 1.3, 2.1}) {
    const Third x = variable(a);
    const double e = std::exp(a), s = std::sin(a), c = std::cos(a), t = std::tanh(a), p = 1 - t * t;
    expect_derivatives("exp", exp(x), e, e, e, e);
    expect_derivatives("exponential", exponential(x), e, e, e, e);
    expect_derivatives("log", log(x), std::log(a), 1 / a, -1 / (a * a), 2 / (a * a * a));
    expect_derivatives("sin", sin(x), s, c, -s, -c);
    expect_derivatives("cos", cos(x), c, -s, -c, s);
    expect_derivatives("tanh", tanh(x), t, p, -2 * t * p, 2 * p * (2 * t * t - p));
    const double r = std::sqrt(a);
    expect_derivatives("sqrt", sqrt(x), r, 0.5 / r, -0.25 / (a * r), 0.375 / (a * a * r));
    Third sine, cosine;
    sine_cosine(x, sine, cosine);
    expect_derivatives("sine", sine, s, c, -s, -c);
    expect_derivatives("cosine", cosine, c, -s, -c, s);
  }
}

TEST(Jets, HaveTheDerivativesOfEveryOperator) {
  const double a = 1.3;
  const Third x = variable(a);
  expect_derivatives("product", x * x * x, a * a * a, 3 * a * a, 6 * a, 6);
  expect_derivatives("quotient", (x * x) / (x + 1.0), a * a / 2.3, 1 - 1 / (2.3 * 2.3), 2 / std::pow(2.3, 3),
                     -6 / std::pow(2.3, 4));
  expect_derivatives("sums", 2.0 - x * 3.0 + (1.0 + x) - 0.5, 2.5 - 2 * a, -2, 0, 0);
  expect_derivatives("minus", -x, -a, -1, 0, 0);
  expect_derivatives("constant over", 1.0 / x, 1 / a, -1 / (a * a), 2 / (a * a * a), -6 / std::pow(a, 4));
  expect_derivatives("fma", fused_multiply_add(x, x, Third(1.0)), a * a + 1, 2 * a, 2, 0);
  Third y = x;
  y += x;
  y *= x;
  y -= 1.0;
  y /= Third(2.0);
  y += 0.25;
  y *= 4.0;
  expect_derivatives("in place", y, 4 * a * a - 1, 8 * a, 8, 0);
}

TEST(Jets, HoldFloats) {
  const auto x = Dual<float, 2>::variable(0.5f, 0), y = Dual<float, 2>::variable(2.0f, 1);
  const auto f = 0.1 * tanh(x * y) / y;
  const float t = std::tanh(1.0f);
  EXPECT_FLOAT_EQ(f.value, 0.05f * t);
  EXPECT_FLOAT_EQ(f.slope[0], 0.1f * (1 - t * t));
  EXPECT_FLOAT_EQ(f.slope[1], 0.025f * ((1 - t * t) - t));
}

/// e^<a, x>, whose derivatives are a, a a^T and a a a times itself; 19 variables are three sweeps of jets.
struct Exponential {
  static double coefficient(int i) { return 0.1 + 0.02 * i * (i % 3 - 1); }
  int size;
  template <class Real>
  Real value(const Real* x) const {
    Real sum(0.0);
    for (int i = 0; i < size; ++i) sum += coefficient(i) * x[i];
    return exponential(sum);
  }
};

template <int Dim>
void expect_exponential(int size) {
  const JetLoss<Exponential, Dim> loss{{size}};
  Vec<Dim> x(size), a(size);
  Mat<Dim> s(size, size);
  for (int i = 0; i < size; ++i) {
    x[i] = 0.3 * std::cos(2.0 * i);
    a[i] = Exponential::coefficient(i);
    for (int j = 0; j < size; ++j) s(i, j) = std::sin(1.0 + i + 3.0 * j);  // not symmetric
  }
  const double f = std::exp(a.dot(x));
  EXPECT_NEAR(loss.value(x), f, 1e-15 * size);
  EXPECT_LT((loss.gradient(x) - f * a).norm(), 1e-15 * size);
  EXPECT_LT((loss.hessian(x) - f * a * a.transpose()).norm(), 1e-15 * size);
  EXPECT_LT((loss.third_derivative(x, s) - f * a.dot(s * a) * a).norm(), 1e-14 * size);
  EXPECT_GT(std::abs(a.dot(s * a)), 1e-4) << "the test cannot tell";
}

TEST(JetLoss, HasTheDerivativesInEveryDimension) {
  expect_exponential<1>(1);
  expect_exponential<3>(3);
  expect_exponential<8>(8);
  expect_exponential<19>(19);
  for (const int size : {1, 7, 8, 9, 19}) expect_exponential<Eigen::Dynamic>(size);
}

struct Counted : Exponential {
  int* count = nullptr;
  template <class Real>
  Real value(const Real* x) const {
    ++*count;
    return Exponential::value(x);
  }
};

TEST(JetLoss, EvaluatesTheFormulaAsOftenAsItSays) {
  int count = 0;
  const JetLoss<Counted, Eigen::Dynamic> loss{{{19}, &count}};
  const Eigen::VectorXd x = Eigen::VectorXd::Constant(19, 0.1), v = Eigen::VectorXd::LinSpaced(19, -1, 1);
  const auto evaluations = [&](const auto& compute) {
    count = 0;
    compute();
    return count;
  };
  EXPECT_EQ(evaluations([&] { loss.gradient(x); }), 3);
  EXPECT_EQ(evaluations([&] { loss.hessian(x); }), 6);
  EXPECT_EQ(evaluations([&] { loss.third_derivative(x, Eigen::MatrixXd::Identity(19, 19)); }), 19 * 3);
  EXPECT_EQ(evaluations([&] { loss.third_derivative(x, v * v.transpose()); }), 3);
  EXPECT_EQ(evaluations([&] { loss.third_derivative(x, Eigen::MatrixXd::Zero(19, 19)); }), 0);
}

}  // namespace
}  // namespace quasar
