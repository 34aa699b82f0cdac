#include "tests/laws/loss_laws.h"

#include "core/random.h"
#include "core/symmetric_eigen.h"

namespace quasar::laws {
namespace {

using Eigen::Index, Eigen::MatrixXd, Eigen::VectorXd;

MatrixXd symmetric_matrix(std::uint32_t name, Index dimension) {
  const auto size = static_cast<std::uint32_t>(dimension);
  MatrixXd s(size, size);
  for (std::uint32_t i = 0; i < size; ++i)
    for (std::uint32_t j = 0; j < size; ++j) {
      float z[4];
      normals({12, Use::toy_noise, name, i * size + j}, z);
      s(i, j) = z[0];
    }
  return s + s.transpose();
}

/// Central difference along axis i; its error is below 1e-8 for functions of size and derivatives of order 1.
template <class F>
auto difference(const F& f, const VectorXd& x, Index i) -> decltype(f(x)) {
  constexpr double kStep = 1e-5;
  const VectorXd e = kStep * VectorXd::Unit(x.size(), i);
  return (f(x + e) - f(x - e)) / (2 * kStep);
}

/// The gradient flow for some time, by classical Runge-Kutta.
VectorXd flow(const AnyLoss& loss, VectorXd x, double time) {
  constexpr double kStep = 0.01;
  for (double t = 0; t < time; t += kStep) {
    const VectorXd k1 = -loss.gradient(x), k2 = -loss.gradient(x + 0.5 * kStep * k1);
    const VectorXd k3 = -loss.gradient(x + 0.5 * kStep * k2), k4 = -loss.gradient(x + kStep * k3);
    x += kStep / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
  }
  return x;
}

}  // namespace

Points points_near(const VectorXd& centre, double spread) {
  Points result;
  for (std::uint32_t p = 0; p < 10; ++p) {
    VectorXd point = centre;
    for (Index i = 0; i < point.size(); ++i) {
      float z[4];
      normals({11, Use::toy_noise, p, 0, static_cast<std::uint32_t>(i / 4)}, z);
      point[i] += spread * z[i % 4];
    }
    result.push_back(point);
  }
  return result;
}

void gradient_is_the_derivative_of_the_value(const AnyLoss& loss, const Points& points) {
  for (const auto& x : points) {
    const VectorXd gradient = loss.gradient(x);
    for (Index i = 0; i < x.size(); ++i) {
      const double slope = difference([&](const VectorXd& p) { return loss.value(p); }, x, i);
      EXPECT_NEAR(gradient[i], slope, 1e-7);
    }
  }
}

void hessian_is_the_symmetric_derivative_of_the_gradient(const AnyLoss& loss, const Points& points) {
  for (const auto& x : points) {
    const MatrixXd hessian = loss.hessian(x);
    EXPECT_EQ(hessian, hessian.transpose());
    for (Index i = 0; i < x.size(); ++i) {
      const VectorXd column = difference([&](const VectorXd& p) { return loss.gradient(p); }, x, i);
      EXPECT_LT((hessian.col(i) - column).norm(), 1e-7);
    }
  }
}

void third_derivative_is_the_derivative_of_the_contracted_hessian(const AnyLoss& loss, const Points& points) {
  for (std::uint32_t name = 0; const auto& x : points) {
    const MatrixXd s = symmetric_matrix(name++, x.size());
    const VectorXd third = loss.third_derivative(x, s);
    for (Index i = 0; i < x.size(); ++i) {
      const auto contracted = [&](const VectorXd& p) { return loss.hessian(p).cwiseProduct(s).sum(); };
      EXPECT_NEAR(third[i], difference(contracted, x, i), 1e-6);
    }
  }
}

void analytic_derivatives_are_those_of(const AnyLoss& jets, const AnyLoss& loss, const Points& points) {
  for (std::uint32_t name = 0; const auto& x : points) {
    const MatrixXd s = symmetric_matrix(name++, x.size()), hessian = jets.hessian(x);
    const VectorXd gradient = jets.gradient(x), third = jets.third_derivative(x, s);
    EXPECT_EQ(hessian, hessian.transpose());
    EXPECT_NEAR(loss.value(x), jets.value(x), 1e-13 * (1 + jets.value(x)));
    EXPECT_LT((loss.gradient(x) - gradient).norm(), 1e-13 * (1 + hessian.norm()));
    EXPECT_LT((loss.hessian(x) - hessian).norm(), 1e-13 * (1 + hessian.norm()));
    EXPECT_LT((loss.third_derivative(x, s) - third).norm(), 1e-13 * (1 + third.norm() + s.norm()));
  }
}

void projection_is_idempotent_and_ends_in_minimisers(const AnyLandscape& landscape, const Points& points) {
  for (const auto& x : points) {
    const VectorXd projected = landscape.project(x);
    EXPECT_LT((landscape.project(projected) - projected).norm(), 1e-14);
    EXPECT_LT(landscape.gradient(projected).norm(), 1e-13);
    EXPECT_LT(landscape.value(projected), 1e-26);
  }
}

void projection_is_constant_along_the_gradient_flow_and_its_limit(const AnyLandscape& landscape, const Points& points) {
  for (const auto& x : points) {
    const VectorXd projected = landscape.project(x);
    EXPECT_LT((landscape.project(flow(landscape, x, 0.5)) - projected).norm(), 1e-8);
    EXPECT_LT((flow(landscape, x, 60.0) - projected).norm(), 1e-7);
  }
}

void on_minimisers_the_hessian_has_its_rank(const AnyLandscape& landscape, Index rank, const Points& points) {
  for (const auto& x : points) {
    const VectorXd zeta = landscape.project(x);
    const auto eigen = symmetric_eigen<Eigen::Dynamic>(landscape.hessian(zeta));
    MatrixXd tangent = MatrixXd::Zero(x.size(), x.size());
    for (Index i = 0; i < x.size(); ++i) {
      if (i < x.size() - rank) {
        EXPECT_NEAR(eigen.eigenvalues()[i], 0.0, 1e-12);
        tangent += eigen.eigenvectors().col(i) * eigen.eigenvectors().col(i).transpose();
      } else {
        EXPECT_GT(eigen.eigenvalues()[i], 0.1);
      }
    }
    for (Index i = 0; i < x.size(); ++i) {
      const VectorXd column = difference([&](const VectorXd& p) { return landscape.project(p); }, zeta, i);
      EXPECT_LT((column - tangent.col(i)).norm(), 1e-7);
    }
  }
}

void noisy_gradient_has_the_stated_covariance(const AnyLandscape& landscape, const Points& points) {
  for (const auto& x : points) {
    const VectorXd gradient = landscape.gradient(x);
    MatrixXd covariance = MatrixXd::Zero(x.size(), x.size());  // the noisy gradient is affine in its normals
    for (int j = -1; j < landscape.noise_dim(); ++j) {
      VectorXd noise = VectorXd::Zero(landscape.noise_dim());
      if (j >= 0) noise[j] = landscape.amplitude(j);
      const VectorXd noisy = landscape.noisy_gradient(x, noise);
      covariance += (noisy - gradient) * (noisy - gradient).transpose();
    }
    EXPECT_LT((covariance - landscape.covariance(x)).norm(), 1e-13);
  }
}

void a_step_is_that_of_the_noisy_gradient(const AnyLandscape& landscape, const Points& points) {
  constexpr double kEta = 0.07;
  for (const auto& x : points) {
    VectorXd noise(landscape.noise_dim());
    for (int j = 0; j < noise.size(); ++j) noise[j] = 0.3 * j - 0.4;
    const VectorXd gradient = landscape.noisy_gradient(x, noise), to = landscape.step(x, noise, -kEta);
    EXPECT_LT((to - (x - kEta * gradient)).norm(), 1e-15 * (1.0 + x.norm() + gradient.norm()));
  }
}

void float_and_double_are_one_formula(const AnyLandscape& landscape, const Points& points) {
  for (const auto& x : points) {
    const Eigen::VectorXf x_float = x.cast<float>();
    const VectorXd in_float = landscape.gradient_in_float(x_float).cast<double>();
    EXPECT_LT((in_float - landscape.gradient(x_float.cast<double>())).norm(), 1e-5);
  }
}

}  // namespace quasar::laws
