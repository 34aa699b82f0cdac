#pragma once

#include <utility>

#include <Eigen/Dense>

#include "core/loss.h"
#include "toy_models/landscape.h"

namespace quasar {

/// A loss whose type and dimension are known only when running, so that the laws are compiled once and not once a case.
class AnyLoss {
 public:
  virtual ~AnyLoss() = default;
  virtual double value(const Eigen::VectorXd& x) const = 0;
  virtual Eigen::VectorXd gradient(const Eigen::VectorXd& x) const = 0;
  virtual Eigen::MatrixXd hessian(const Eigen::VectorXd& x) const = 0;
  virtual Eigen::VectorXd third_derivative(const Eigen::VectorXd& x, const Eigen::MatrixXd& s) const = 0;
};

/// The same for a landscape.
class AnyLandscape : public AnyLoss {
 public:
  virtual Eigen::VectorXd project(const Eigen::VectorXd& x) const = 0;
  virtual Eigen::MatrixXd covariance(const Eigen::VectorXd& x) const = 0;
  virtual Eigen::Index noise_dim() const = 0;
  virtual double amplitude(int component) const = 0;
  virtual Eigen::VectorXd noisy_gradient(const Eigen::VectorXd& x, const Eigen::VectorXd& noise) const = 0;
  virtual Eigen::VectorXd step(const Eigen::VectorXd& x, const Eigen::VectorXd& noise, double minus_eta) const = 0;
  virtual Eigen::VectorXf gradient_in_float(const Eigen::VectorXf& x) const = 0;
};

/// A loss of the type L as an AnyLoss.
template <class L, class Interface = AnyLoss>
class LossOf : public Interface {
 public:
  explicit LossOf(L given) : loss(std::move(given)) {}
  double value(const Eigen::VectorXd& x) const override { return loss.value(Point(x)); }
  Eigen::VectorXd gradient(const Eigen::VectorXd& x) const override { return loss.gradient(Point(x)); }
  Eigen::MatrixXd hessian(const Eigen::VectorXd& x) const override { return loss.hessian(Point(x)); }
  Eigen::VectorXd third_derivative(const Eigen::VectorXd& x, const Eigen::MatrixXd& s) const override {
    return loss.third_derivative(Point(x), Mat<L::dim>(s));
  }

 protected:
  using Point = Vec<L::dim>;
  const L loss;
};

/// A landscape of the type L as an AnyLandscape.
template <class L>
class LandscapeOf final : public LossOf<L, AnyLandscape> {
  using typename LossOf<L, AnyLandscape>::Point;
  using LossOf<L, AnyLandscape>::loss;

 public:
  using LossOf<L, AnyLandscape>::LossOf;
  Eigen::VectorXd project(const Eigen::VectorXd& x) const override { return loss.project(Point(x)); }
  Eigen::MatrixXd covariance(const Eigen::VectorXd& x) const override { return loss.covariance(Point(x)); }
  Eigen::Index noise_dim() const override { return L::noise_dim; }
  double amplitude(int component) const override { return noise_amplitude(loss, component); }
  Eigen::VectorXd noisy_gradient(const Eigen::VectorXd& x, const Eigen::VectorXd& noise) const override {
    Point g;
    loss.noisy_gradient(x.data(), noise.data(), g.data());
    return g;
  }
  Eigen::VectorXd step(const Eigen::VectorXd& x, const Eigen::VectorXd& noise, double minus_eta) const override {
    Point to;
    noisy_step(loss, x.data(), noise.data(), minus_eta, to.data());
    return to;
  }
  Eigen::VectorXf gradient_in_float(const Eigen::VectorXf& x) const override {
    Eigen::Matrix<float, L::dim, 1> g;
    loss.gradient(x.data(), g.data());
    return g;
  }
};

}  // namespace quasar
