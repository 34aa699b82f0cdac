#include "toy_models/convex_loss.h"

#include <cmath>
#include <string>
#include <utility>

#include "core/errors.h"

namespace quasar {
namespace {

/// ln(1 + e^t)
double softplus(double t) { return t > 0.0 ? t + std::log1p(std::exp(-t)) : std::log1p(std::exp(t)); }

/// 1/(1 + e^-t)
double sigmoid(double t) {
  const double e = std::exp(-std::abs(t));
  return t >= 0.0 ? 1.0 / (1.0 + e) : e / (1.0 + e);
}

}  // namespace

ConvexLoss::ConvexLoss(std::variant<Sparse, Dense> features, Vector labels, Kind kind, double regularization)
    : features_(std::move(features)), labels_(std::move(labels)), kind_(kind), regularization_(regularization) {
  const auto rows = std::visit([](const auto& a) { return a.rows(); }, features_);
  if (rows < 1 || rows != labels_.size())
    throw ConfigError("a convex loss needs a label for each row and at least one row; there are " +
                      std::to_string(rows) + " rows and " + std::to_string(labels_.size()) + " labels");
  if (!(regularization > 0.0) || !std::isfinite(regularization))
    throw ConfigError("a convex loss needs a positive regularization, without which it has no unique minimum");
  if (kind == Kind::logistic && (labels_.array().abs() != 1.0).any())
    throw ConfigError("logistic regression needs labels that are 1 or -1");
  squared_norms_ = std::visit(
      [](const auto& a) {
        Vector norms = Vector::Zero(a.rows());
        for (Eigen::Index i = 0; i < a.rows(); ++i) norms[i] = a.row(i).squaredNorm();
        return norms;
      },
      features_);
  smoothness_ = regularization + (kind == Kind::logistic ? 0.25 : 1.0) * squared_norms_.mean();
}

Eigen::Index ConvexLoss::dim() const {
  return std::visit([](const auto& a) { return a.cols(); }, features_);
}

ConvexLoss::Vector ConvexLoss::outputs(const Vector& x) const {
  return std::visit([&](const auto& a) { return Vector(a * x); }, features_);
}

ConvexLoss::Vector ConvexLoss::weighted_rows(const Vector& row_weights) const {
  return std::visit([&](const auto& a) { return Vector(a.transpose() * row_weights); }, features_);
}

double ConvexLoss::slope_at(double z, double label) const {
  return kind_ == Kind::logistic ? -label * sigmoid(-label * z) : z - label;
}

double ConvexLoss::value(const Vector& x) const {
  const Vector z = outputs(x);
  double sum = 0.0;
  for (Eigen::Index i = 0; i < z.size(); ++i)
    sum += kind_ == Kind::logistic ? softplus(-labels_[i] * z[i]) : 0.5 * (z[i] - labels_[i]) * (z[i] - labels_[i]);
  return sum / static_cast<double>(z.size()) + 0.5 * regularization_ * x.squaredNorm();
}

ConvexLoss::Vector ConvexLoss::gradient(const Vector& x) const {
  Vector slopes = outputs(x);
  for (Eigen::Index i = 0; i < slopes.size(); ++i) slopes[i] = slope_at(slopes[i], labels_[i]);
  return weighted_rows(slopes / static_cast<double>(slopes.size())) + regularization_ * x;
}

ConvexLoss::Vector ConvexLoss::curvatures(const Vector& x) const {
  if (kind_ == Kind::ridge) return Vector::Ones(num_samples());
  Vector curvature = outputs(x);
  for (Eigen::Index i = 0; i < curvature.size(); ++i) {
    const double share = sigmoid(curvature[i]);
    curvature[i] = share * (1.0 - share);
  }
  return curvature;
}

ConvexLoss::Vector ConvexLoss::hessian_times(const Vector& curvatures, const Vector& v) const {
  const Vector moved = curvatures.cwiseProduct(outputs(v)) / static_cast<double>(num_samples());
  return weighted_rows(moved) + regularization_ * v;
}

double ConvexLoss::slope(Eigen::Index sample, const Vector& x) const {
  const double z = std::visit([&](const auto& a) { return a.row(sample).dot(x); }, features_);
  return slope_at(z, labels_[sample]);
}

void ConvexLoss::add_row(Eigen::Index sample, double factor, Vector& x) const {
  if (const auto* dense = std::get_if<Dense>(&features_)) {
    x += factor * dense->row(sample).transpose();
    return;
  }
  for (Sparse::InnerIterator entry(std::get<Sparse>(features_), sample); entry; ++entry)
    x[entry.col()] += factor * entry.value();
}

double ConvexLoss::mean_square_gradient(const Vector& x) const {
  const Vector z = outputs(x);
  double sum = 0.0;
  for (Eigen::Index i = 0; i < z.size(); ++i) {
    const double s = slope_at(z[i], labels_[i]);
    sum += s * s * squared_norms_[i] + 2.0 * s * regularization_ * z[i];
  }
  return sum / static_cast<double>(z.size()) + regularization_ * regularization_ * x.squaredNorm();
}

namespace {

/// Hess f p = -g, to a residual that keeps Newton's convergence superlinear.
Eigen::VectorXd newton_direction(const ConvexLoss& loss, const Eigen::VectorXd& x, const Eigen::VectorXd& g) {
  const Eigen::VectorXd curvatures = loss.curvatures(x);
  const double size = g.norm(), wanted = size * std::min(0.1, std::sqrt(size));
  Eigen::VectorXd p = Eigen::VectorXd::Zero(g.size()), residual = -g, search = residual;
  double square = residual.squaredNorm();
  const Eigen::Index most = 10 * g.size() + 100;
  for (Eigen::Index i = 0; i < most && std::sqrt(square) > wanted; ++i) {
    const Eigen::VectorXd turned = loss.hessian_times(curvatures, search);
    const double length = square / search.dot(turned);
    p += length * search;
    residual -= length * turned;
    const double next = residual.squaredNorm();
    search = residual + next / square * search;
    square = next;
  }
  return p;
}

}  // namespace

ConvexOptimum minimize(const ConvexLoss& loss, double gap) {
  ConvexOptimum best{Eigen::VectorXd::Zero(loss.dim()), 0.0, 0.0, 0};
  best.value = loss.value(best.x);
  Eigen::VectorXd g = loss.gradient(best.x);
  constexpr int kMostIterations = 100, kMostHalvings = 60;
  for (; best.iterations < kMostIterations; ++best.iterations) {
    best.gap = g.squaredNorm() / (2.0 * loss.strong_convexity());
    if (best.gap <= gap) return best;
    const Eigen::VectorXd direction = newton_direction(loss, best.x, g);
    double length = 1.0;
    for (int halving = 0;; ++halving, length *= 0.5) {
      if (halving == kMostHalvings) throw NumericalError("convex optimum: no step lowers the loss any more");
      const Eigen::VectorXd x = best.x + length * direction;
      const double value = loss.value(x);
      const Eigen::VectorXd next = loss.gradient(x);
      const bool falls = value <= best.value + 1e-4 * length * g.dot(direction) || next.norm() < 0.5 * g.norm();
      if (!falls) continue;
      best.x = x;
      best.value = value;
      g = next;
      break;
    }
  }
  throw NumericalError("convex optimum: Newton's method did not reach a gap of " + std::to_string(gap) +
                       " in 100 steps; take a larger regularization");
}

}  // namespace quasar
