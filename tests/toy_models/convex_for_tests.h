#pragma once

#include "core/random.h"
#include "toy_models/convex_loss.h"

namespace quasar {

/// Rows of normals, half of them left out, with labels of a noisy linear model: signs of it for logistic regression.
inline ConvexLoss random_convex_loss(ConvexLoss::Kind kind, int rows, int columns, double regularization, bool sparse) {
  ConvexLoss::Dense features = ConvexLoss::Dense::Zero(rows, columns);
  Eigen::VectorXd labels(rows);
  for (int i = 0; i < rows; ++i) {
    float z[4] = {};
    double output = 0.0;
    for (int j = 0; j < columns; ++j) {
      normals({.seed = 3,
               .use = Use::toy_noise,
               .replica = static_cast<std::uint32_t>(i),
               .step = static_cast<std::uint64_t>(j)},
              z);
      if (z[0] > 0.0f) features(i, j) = static_cast<double>(z[1]);
      output += features(i, j) * (j % 3 - 0.7);
    }
    output += 0.5 * static_cast<double>(z[2]);
    labels[i] = kind == ConvexLoss::Kind::ridge ? output : output > 0.0 ? 1.0 : -1.0;
  }
  if (sparse) return {ConvexLoss::Sparse(features.sparseView()), labels, kind, regularization};
  return {features, labels, kind, regularization};
}

}  // namespace quasar
