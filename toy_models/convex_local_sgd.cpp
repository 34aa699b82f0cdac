#include "toy_models/convex_local_sgd.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/errors.h"
#include "core/random.h"

namespace quasar {
namespace {

/// S_T = sum of (a + t)^2 over t < T.
double sum_of_weights(double a, std::int64_t steps) {
  const auto T = static_cast<double>(steps);
  return T * a * a + a * T * (T - 1.0) + (T - 1.0) * T * (2.0 * T - 1.0) / 6.0;
}

}  // namespace

ConvexLocalSgd::ConvexLocalSgd(const ConvexLoss& loss, const ConvexMethod& method)
    : loss_(loss),
      method_(method),
      versions_{Eigen::VectorXd::Zero(loss.dim())},
      weighted_sum_(Eigen::VectorXd::Zero(loss.dim())),
      slopes_(method.local_batch_size) {
  const auto demand = [](bool holds, const std::string& what) {
    if (!holds) throw ConfigError("convex local SGD: " + what);
  };
  demand(method.num_workers >= 1 && method.num_workers <= 65536, "the number of workers must be 1 to 65536");
  demand(method.sync_period >= 1, "the sync period must be at least 1");
  demand(method.local_batch_size >= 1 && method.local_batch_size <= 1 << 20, "the local batch must be 1 to 1048576");
  demand(method.shift >= 4.0, "the shift of the step sizes must be at least 4: a step must not pass over the minimum");
}

std::int64_t ConvexLocalSgd::gradients() const { return step_ * method_.num_workers * method_.local_batch_size; }

Eigen::VectorXd ConvexLocalSgd::average() const {
  if (step_ == 0) return iterate();
  return weighted_sum_ / (sum_of_weights(method_.shift, step_) * method_.num_workers);
}

void ConvexLocalSgd::local_steps(int worker, Eigen::VectorXd& x) {
  const auto samples = static_cast<std::uint32_t>(loss_.num_samples());
  const int batch = method_.local_batch_size;
  for (std::int64_t t = step_; t < step_ + method_.sync_period; ++t) {
    const double place = method_.shift + static_cast<double>(t);
    const double learning_rate = 4.0 / (loss_.strong_convexity() * place);
    weighted_sum_ += place * place * x;
    const auto draw = [&](int j) {
      const Words random = words({method_.seed, Use::sample_choice, 0, static_cast<std::uint64_t>(t),
                                  static_cast<std::uint32_t>(worker), static_cast<std::uint32_t>(j)});
      return static_cast<Eigen::Index>(uniform_below(random.w[0], random.w[1], samples));
    };
    for (int j = 0; j < batch; ++j) slopes_[j] = loss_.slope(draw(j), x);
    x *= 1.0 - learning_rate * loss_.strong_convexity();
    for (int j = 0; j < batch; ++j) loss_.add_row(draw(j), -learning_rate / batch * slopes_[j], x);
  }
}

void ConvexLocalSgd::advance() {
  if (method_.asynchronous) return advance_asynchronously();
  Eigen::VectorXd sum = Eigen::VectorXd::Zero(loss_.dim());
  for (int k = 0; k < method_.num_workers; ++k) {
    Eigen::VectorXd x = versions_.back();
    local_steps(k, x);
    sum += x;
  }
  versions_.back() = sum / method_.num_workers;
  step_ += method_.sync_period;
}

std::size_t ConvexLocalSgd::delay_of(std::int64_t round, int worker) const {
  const auto others = static_cast<std::uint32_t>(method_.num_workers - 1);
  if (method_.delay == WriteDelay::none) return 0;
  if (method_.delay == WriteDelay::constant) return others;
  const Words random = words(
      {method_.seed, Use::sample_order, 0, static_cast<std::uint64_t>(round), static_cast<std::uint32_t>(worker)});
  return uniform_below(random.w[0], 2 * others + 1);
}

void ConvexLocalSgd::advance_asynchronously() {
  const std::size_t most =
      method_.delay == WriteDelay::none ? 0 : 2 * static_cast<std::size_t>(method_.num_workers - 1);
  for (int k = 0; k < method_.num_workers; ++k) {
    const std::size_t delay = std::min(delay_of(rounds(), k), versions_.size() - 1);
    const Eigen::VectorXd& read = versions_[versions_.size() - 1 - delay];
    Eigen::VectorXd x = read;
    local_steps(k, x);
    versions_.push_back(versions_.back() + (x - read) / method_.num_workers);
    if (versions_.size() > most + 1) versions_.pop_front();
  }
  step_ += method_.sync_period;
}

double stich_bound(const ConvexLoss& loss, const ConvexMethod& method, std::int64_t steps,
                   const ConvexBoundInputs& inputs) {
  const double mu = loss.strong_convexity(), a = method.shift, T = static_cast<double>(steps);
  const double S = sum_of_weights(a, steps), H = static_cast<double>(method.sync_period);
  return mu * a * a * a / (2.0 * S) * inputs.squared_distance +
         4.0 * T * (T + 2.0 * a) / (mu * method.num_workers * S) * inputs.gradient_variance +
         256.0 * T / (mu * mu * S) * inputs.gradient_square * H * H * loss.smoothness();
}

double stich_shift(const ConvexLoss& loss, std::int64_t sync_period) {
  const double kappa = loss.smoothness() / loss.strong_convexity();
  return std::floor(std::max(16.0 * kappa, static_cast<double>(sync_period))) + 1.0;
}

}  // namespace quasar
