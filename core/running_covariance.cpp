#include "core/running_covariance.h"

namespace quasar {

void RunningCovariance::add(const std::vector<double>& values) {
  ++count_;
  const auto n = static_cast<double>(count_);
  for (std::size_t i = 0; i < mean_.size(); ++i) {
    const double delta = values[i] - mean_[i];
    mean_[i] += delta / n;
    for (std::size_t j = 0; j <= i; ++j) products_[place(i, j)] += delta * (values[j] - mean_[j]);
  }
}

void RunningCovariance::merge(const RunningCovariance& other) {
  if (other.count_ == 0) return;
  if (count_ == 0) {
    *this = other;
    return;
  }
  const auto n = static_cast<double>(count_);
  const auto m = static_cast<double>(other.count_);
  for (std::size_t i = 0; i < mean_.size(); ++i) {  // means stay the old ones until their row is done
    const double delta = other.mean_[i] - mean_[i];
    for (std::size_t j = 0; j <= i; ++j)
      products_[place(i, j)] += other.products_[place(i, j)] + delta * (other.mean_[j] - mean_[j]) * n * m / (n + m);
  }
  for (std::size_t i = 0; i < mean_.size(); ++i) mean_[i] += (other.mean_[i] - mean_[i]) * m / (n + m);
  count_ += other.count_;
}

double RunningCovariance::covariance(std::size_t i, std::size_t j) const {
  return count_ < 2 ? 0.0 : products_[place(i, j)] / static_cast<double>(count_ - 1);
}

}  // namespace quasar
