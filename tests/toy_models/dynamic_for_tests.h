#pragma once

#include <cmath>
#include <vector>

#include "sde/gradient_flow.h"
#include "tests/toy_models/ensemble_for_tests.h"
#include "toy_models/matrix_factorization.h"
#include "toy_models/tanh_network.h"

namespace quasar {

template <class L>
struct DynamicProblem {
  L landscape;
  Eigen::VectorXd start;  ///< on the manifold
};

/// n x m of rank r between orthonormal vectors, so that U^T U and V^T V are diagonal: a_i = c^2 h_i and b_i = h_i/c^2
/// with c = 1.5 and h_i = 1 + i/2.
inline DynamicProblem<MatrixFactorization> matrix_problem(Eigen::Index n, Eigen::Index m, Eigen::Index r,
                                                          double noise_scale = 0.5) {
  const auto orthonormal = [r](Eigen::Index rows, double seed) -> Eigen::MatrixXd {
    const Eigen::MatrixXd any = Eigen::MatrixXd::NullaryExpr(rows, r, [seed](Eigen::Index i, Eigen::Index j) {
      return std::sin(seed + static_cast<double>(3 * i + 7 * j + i * j * j));
    });
    return any.householderQr().householderQ() * Eigen::MatrixXd::Identity(rows, r);
  };
  const Eigen::VectorXd h = Eigen::VectorXd::LinSpaced(r, 1.0, 0.5 * static_cast<double>(r + 1)), root = h.cwiseSqrt();
  const Eigen::MatrixXd u = orthonormal(n, 1.0) * (1.5 * root).asDiagonal();
  const Eigen::MatrixXd v = orthonormal(m, 2.0) * (root / 1.5).asDiagonal();
  return {{u * v.transpose(), r, noise_scale}, MatrixFactorization::joined(u, v)};
}

/// Three samples that a network of four units fits at its start.
inline DynamicProblem<TanhNetwork> tanh_problem(double noise_scale = 0.5) {
  Eigen::MatrixXd inputs(3, 2);
  inputs << 0.5, -1.0, 1.2, 0.3, -0.7, 0.8;
  TanhNetwork network{{inputs, Eigen::Vector3d::Zero(), 4, noise_scale}};
  const Eigen::VectorXd start = Eigen::VectorXd::NullaryExpr(
      network.size(), [](Eigen::Index i) { return 1.2 * std::sin(1.0 + 1.7 * static_cast<double>(i)); });
  network.labels = network.residual(start);
  return {network, start};
}

/// Phi by the gradient flow.
template <DynamicLandscape L>
std::function<Vec<L::dim>(const Vec<L::dim>&)> gradient_flow_of(const L& landscape) {
  return [&landscape](const Eigen::VectorXd& x) {
    const auto gradient = [&](const Eigen::VectorXd& y) { return gradient_of_steps(landscape, y); };
    return project_by_gradient_flow<L::dim>(gradient, x, {.gradient_tolerance = 1e-8, .step_tolerance = 1e-10}).point;
  };
}

/// Records with nothing projected.
template <DynamicLandscape L>
EnsembleRecording<L::dim> unprojected_recording() {
  EnsembleRecording<L::dim> recording;
  recording.project = [](const Eigen::VectorXd& x) { return x; };
  return recording;
}

/// Every record of an ensemble.
template <DynamicLandscape L>
std::vector<EnsembleRecord> records_of(const DynamicProblem<L>& problem, const TrainingSchedule& schedule,
                                       const EnsembleOptions& options, const EnsembleRecording<L::dim>& recording,
                                       EnsembleCallbacks callbacks = {}, const EnsembleState* resume_from = nullptr) {
  std::vector<EnsembleRecord> records;
  callbacks.on_record = [&](const EnsembleRecord& record) { records.push_back(record); };
  record_ensemble(problem.landscape, problem.start, schedule, options, recording, callbacks, resume_from);
  return records;
}

/// E tr H at the projection of the average after a slow time, over replicas of Local SGD with K = 4 and period H.
template <DynamicLandscape L>
Estimate trace_after(const DynamicProblem<L>& problem, double eta, std::int64_t period, double slow_time,
                     std::int64_t replicas, const ToyNoise& noise,
                     const std::function<double(const Eigen::VectorXd&)>& trace) {
  EnsembleOptions options;
  options.num_workers = 4;
  options.replicas = replicas;
  options.seed = 31;
  options.noise = noise;
  EnsembleRecording<L::dim> recording;
  recording.project = gradient_flow_of(problem.landscape);
  recording.observables = {[&](const auto& seen) { return trace(seen.projected); }};
  const auto schedule = constant_schedule(eta, std::llround(slow_time / (eta * eta)), period);
  return records_of(problem, schedule, options, recording).back().observables[0].estimate();
}

}  // namespace quasar
