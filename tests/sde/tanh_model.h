#pragma once

#include <cmath>
#include <utility>

#include "sde/label_noise_flow.h"
#include "toy_models/tanh_network.h"

namespace quasar {

/// The tanh network in sample space, all derivatives by hand: a computation that shares nothing with the jets.
class TanhModel final : public InterpolatingModel {
 public:
  explicit TanhModel(TanhNetworkFormulas f) : f_(std::move(f)) {}
  Eigen::Index num_samples() const override { return f_.labels.size(); }
  Eigen::VectorXd residual(const Eigen::VectorXd& theta) const override {
    Eigen::VectorXd r = -f_.labels;
    for_each(theta, [&](Eigen::Index i, const auto& unit, double t) { r[i] += unit[unit.size() - 1] * t; });
    return r;
  }
  Eigen::MatrixXd jacobian(const Eigen::VectorXd& theta) const override {
    Eigen::MatrixXd j(num_samples(), theta.size());
    for_each(theta, [&](Eigen::Index i, const auto& unit, double t) {
      const Eigen::Index p = f_.inputs.cols(), at = unit.data() - theta.data();
      j.block(i, at, 1, p) = unit[p + 1] * (1 - t * t) * f_.inputs.row(i);
      j(i, at + p) = unit[p + 1] * (1 - t * t);
      j(i, at + p + 1) = t;
    });
    return j;
  }
  Eigen::VectorXd hessian_products(const Eigen::VectorXd& theta, const Eigen::MatrixXd& v) const override {
    Eigen::VectorXd sum = Eigen::VectorXd::Zero(theta.size());
    for_each(theta, [&](Eigen::Index i, const auto& unit, double t) {
      const Eigen::Index p = f_.inputs.cols(), at = unit.data() - theta.data();
      const double slope = 1 - t * t, ds = v.block(i, at, 1, p).row(0).dot(f_.inputs.row(i)) + v(i, at + p);
      const double inner = slope * v(i, at + p + 1) - 2 * unit[p + 1] * t * slope * ds;
      sum.segment(at, p) += inner * f_.inputs.row(i).transpose();
      sum[at + p] += inner;
      sum[at + p + 1] += slope * ds;
    });
    return sum;
  }

 private:
  template <class Visit>
  void for_each(const Eigen::VectorXd& theta, const Visit& visit) const {
    const Eigen::Index p = f_.inputs.cols();
    for (Eigen::Index k = 0; k < f_.width; ++k)
      for (Eigen::Index i = 0; i < num_samples(); ++i) {
        const auto unit = theta.segment(k * (p + 2), p + 2);
        visit(i, unit, std::tanh(f_.inputs.row(i).dot(unit.head(p)) + unit[p]));
      }
  }
  TanhNetworkFormulas f_;
};

}  // namespace quasar
