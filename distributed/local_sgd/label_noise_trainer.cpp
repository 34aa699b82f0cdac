#include "distributed/local_sgd/label_noise_trainer.h"

#include <chrono>
#include <cmath>
#include <string>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/errors.h"
#include "core/interrupt.h"
#include "distributed/local_sgd/label_noise.h"
#include "distributed/local_sgd/local_sgd.h"

namespace quasar {
namespace {

using Clock = std::chrono::steady_clock;

/// 64-bit FNV-1a.
std::uint64_t hash_of(const at::Tensor& tensor) {
  std::uint64_t hash = 14695981039346656037ull;
  const auto* bytes = static_cast<const unsigned char*>(tensor.data_ptr());
  for (std::size_t i = 0; i < tensor.nbytes(); ++i) hash = (hash ^ bytes[i]) * 1099511628211ull;
  return hash;
}

/// Tensor of this shape over numbers that stay where they are; it is only read.
template <class Number>
at::Tensor borrow(const std::vector<Number>& numbers, at::IntArrayRef shape) {
  return at::from_blob(const_cast<Number*>(numbers.data()), shape, at::CppTypeToScalarType<Number>::value);
}

/// One worker's gradients: all replicas' parameters and gradients in one flat buffer each.
template <class Real>
class NoisyRegression final : public Objective {
 public:
  NoisyRegression(const LabelNoiseTrainerOptions& options, const TanhMlp& network, const RegressionSet& data,
                  const at::Tensor& start_row)
      : network_(network),
        draws_(options.seed, options.first_replica, options.replicas, options.local_batch_size, data.outputs,
               data.count),
        label_noise_(options.label_noise),
        replicas_(options.replicas),
        batch_(options.local_batch_size) {
    constexpr at::ScalarType type = at::CppTypeToScalarType<Real>::value;
    inputs_ = borrow(data.inputs, {data.count, data.features}).to(type);
    targets_ = borrow(data.targets, {data.count, data.outputs}).to(type);
    chosen_ = borrow(draws_.samples(), {replicas_ * batch_});
    signs_ = borrow(draws_.signs(), {replicas_, batch_, data.outputs});
    parameters_ = network.rows_to_flat(start_row.to(type).expand({replicas_, -1})).contiguous();
    gradient_ = at::zeros_like(parameters_);
    const auto gradient_views = network.views(gradient_, replicas_);
    for (const at::Tensor& view : network.views(parameters_, replicas_)) {
      leaves_.push_back(view.detach().requires_grad_(true));
      // autograd adds to a gradient that is there: these views fill the flat buffer.
      leaves_.back().mutable_grad() = gradient_views[leaves_.size() - 1];
    }
  }

  /// Adds the gradient of the summed losses of all replicas; none touches another's.
  BatchResult add_gradient(const BatchName& name) override {
    draws_.draw(name.step, name.worker);
    const auto inputs = inputs_.index_select(0, chosen_).view({replicas_, batch_, -1});
    const auto residual_of_zero = targets_.index_select(0, chosen_).view(signs_.sizes()).add_(signs_, label_noise_);
    const at::Tensor outputs = network_.forward(leaves_, inputs);
    // The derivative of (1/2b)|f - y|^2 in f, which saves the loss's own nodes.
    const at::Tensor seed = outputs.detach().sub(residual_of_zero).div_(batch_);
    torch::autograd::backward({outputs}, {seed});
    return {};
  }

  at::Tensor& parameters() override { return parameters_; }
  at::Tensor& gradient() override { return gradient_; }

 private:
  const TanhMlp& network_;
  LabelNoiseDraws draws_;
  double label_noise_;
  std::int64_t replicas_, batch_;
  at::Tensor inputs_, targets_;  // (n, p), (n, o)
  at::Tensor chosen_, signs_;    // (R b), (R, b, o): views of the draws
  std::vector<at::Tensor> leaves_;
  at::Tensor parameters_, gradient_;  // (R d)
};

/// Tells the observer about round ends at or after equally spaced steps.
class Records {
 public:
  Records(const LabelNoiseTrainerOptions& options, const TrainingSchedule& schedule, const TanhMlp& network,
          Worker& worker, const Observer& observer)
      : count_(options.records),
        replicas_(options.replicas),
        total_steps_(schedule.total_steps),
        network_(network),
        worker_(worker),
        observer_(observer) {}

  /// True at most once for every record time.
  bool due(std::int64_t step) const { return step == total_steps_ || next_ * total_steps_ <= step * count_; }

  /// A collective: before is this worker's parameters, average the ones just averaged.
  void make(const TrainingPosition& at, std::int64_t period, const at::Tensor& before, const at::Tensor& average) {
    TrainingRecord record{at.step, at.round, period, at.learning_rate, at.slow_time, 0.0, {}, {}};
    at::Tensor dispersion =
        network_.flat_to_rows(before.sub(average), replicas_).square_().sum(1).to(at::kDouble).contiguous();
    worker_.average(dispersion, Purpose::measurement);
    next_ = record.step * count_ / total_steps_ + 1;
    if (worker_.rank() != 0) return;
    const double* values = dispersion.data_ptr<double>();
    record.dispersion.assign(values, values + replicas_);
    record.volume = record.step == 0 ? 0.0 : static_cast<double>(record.round) / static_cast<double>(record.step);
    record.parameters = network_.flat_to_rows(average, replicas_);
    observer_(record);
  }

 private:
  std::int64_t count_, replicas_, total_steps_;
  std::int64_t next_ = 0;
  const TanhMlp& network_;
  Worker& worker_;
  const Observer& observer_;
};

void throw_if_diverged(const at::Tensor& average, std::int64_t step) {
  // A sum of finite numbers of this size cannot overflow unless the iterate has left every bound.
  if (!std::isfinite(average.sum().item<double>()))
    throw Diverged("the average of the workers is not finite after step " + std::to_string(step) +
                   "; try a smaller learning_rate.peak");
}

template <class Real>
LabelNoiseTrainerResult train_worker(const LabelNoiseTrainerOptions& options, const TrainingSchedule& schedule,
                                     const TanhMlp& network, const RegressionSet& data, const at::Tensor& start_row,
                                     const Observer& observer, Worker& worker) {
  LocalSgdOptions local_options;
  local_options.local_batch_size = options.local_batch_size;
  local_options.optimizer.kind = Sgd{.momentum = options.momentum};
  local_options.guard_averages = false;
  std::vector<std::unique_ptr<Objective>> locals;
  locals.push_back(std::make_unique<NoisyRegression<Real>>(options, network, data, start_row));
  LocalSgd training(local_options, schedule, worker, std::move(locals));
  Records records(options, schedule, network, worker, observer);
  at::Tensor& parameters = training.local(0).parameters();
  records.make(training.position(), training.position().period(), parameters, parameters);

  const auto start = Clock::now();
  while (!training.done()) {
    worker.throw_if_peer_failed();
    worker.beat(training.position().step);
    if (worker.rank() == 0) throw_if_interrupted();
    training.step(false);
    if (!training.round_is_over()) continue;
    const std::int64_t step = training.position().step, period = training.position().period();
    const bool due = records.due(step);
    const at::Tensor before = due ? parameters.clone() : at::Tensor();
    training.end_round(false);
    if (worker.rank() == 0) throw_if_diverged(parameters, step);
    if (due) records.make(training.position(), period, before, parameters);
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return {worker.account(Purpose::training),
          worker.account(Purpose::measurement),
          seconds,
          training.position().step,
          training.position().round,
          hash_of(parameters)};
}

}  // namespace

LabelNoiseTrainerResult train_with_label_noise(const LabelNoiseTrainerOptions& options,
                                               const TrainingSchedule& schedule, const TanhMlp& network,
                                               const RegressionSet& data, const at::Tensor& start_row,
                                               const Observer& observer) {
  LabelNoiseTrainerResult result{};
  const auto work = options.double_precision ? &train_worker<double> : &train_worker<float>;
  WorkerOptions workers;
  workers.count = options.num_workers;
  workers.check_collectives = options.check_collectives;
  workers.timeout_seconds = 1800.0;  // the observer measures for as long as it likes
  run_workers(workers, [&](Worker& worker) {
    const LabelNoiseTrainerResult own = work(options, schedule, network, data, start_row, observer, worker);
    if (worker.rank() == 0) result = own;
  });
  return result;
}

}  // namespace quasar
