#include "distributed/local_sgd/local_sgd.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <map>
#include <utility>

#include <ATen/ATen.h>

#include "core/errors.h"
#include "core/fault_plan.h"
#include "distributed/engine/overlapped_gradients.h"
#include "distributed/local_sgd/batch_norm.h"
#include "distributed/local_sgd/gradient_clipping.h"
#include "distributed/local_sgd/replica_check.h"

namespace quasar {
namespace {

using Clock = std::chrono::steady_clock;

/// A worker that leaves out so many steps will leave out all that follow: about an order above what loss scaling skips.
constexpr std::int64_t kMostSkipsInARow = 100;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// A sum of finite numbers of this size cannot overflow unless the iterate has left every bound.
bool is_finite(const at::Tensor& flat) { return std::isfinite(flat.sum().item<double>()); }

std::int64_t first_nonfinite(const at::Tensor& flat) {
  return at::isfinite(flat).logical_not().to(at::kByte).argmax().item<std::int64_t>();
}

/// The mean of the workers here, in the first one's memory unless there is only one.
void add_up_locals(const std::vector<at::Tensor>& locals) {
  for (std::size_t i = 1; i < locals.size(); ++i) locals[0].add_(locals[i]);
  if (locals.size() > 1) locals[0].div_(static_cast<double>(locals.size()));
}

void copy_to_others(const std::vector<at::Tensor>& locals) {
  for (std::size_t i = 1; i < locals.size(); ++i) locals[i].copy_(locals[0]);
}

}  // namespace

LocalSgd::LocalSgd(const LocalSgdOptions& options, const TrainingSchedule& schedule, Worker& worker,
                   std::vector<std::unique_ptr<Objective>> locals)
    : options_(options),
      schedule_(schedule),
      worker_(worker),
      locals_(std::move(locals)),
      outer_(options.outer, locals_.front()->parameters()),
      num_workers_(worker.count() * static_cast<int>(locals_.size())),
      skips_in_a_row_(locals_.size()) {
  worker_.broadcast(locals_.front()->parameters(), Purpose::measurement);
  for (auto& local : locals_) {
    if (local != locals_.front()) local->parameters().copy_(locals_.front()->parameters());
    optimizers_.emplace_back(options_.optimizer, local->parameters(), local->decayed());
    buffers_before_.push_back(local->buffers().defined() ? local->buffers().clone() : at::Tensor());
  }
  round_start_ = locals_.front()->parameters().clone();
  outer_ = OuterOptimizer(options_.outer, round_start_);
  if (options_.ema_decay) ema_.emplace(*options_.ema_decay, round_start_);
  position_.learning_rate = schedule_.learning_rate.at(0);
  position_.next_local_batch = options_.local_batch_size;
  begin_round();
}

LocalSgd::~LocalSgd() = default;

std::int64_t LocalSgd::schedule_step() const {
  if (!options_.norm_test) return position_.step;
  return position_.samples / (num_workers_ * options_.local_batch_size);
}

bool LocalSgd::done() const { return schedule_step() >= schedule_.total_steps; }

void LocalSgd::begin_round() {
  position_.round_start = position_.step;
  position_.local_batch = position_.next_local_batch;
  if (done()) return;
  const std::int64_t now = schedule_step();
  const bool averaged_gradients = position_.averages_gradients;
  position_.averages_gradients = schedule_.sync.averages_gradients(now);
  // The outer optimiser starts from where data-parallel training has come to.
  if (averaged_gradients && !position_.averages_gradients) outer_ = OuterOptimizer(options_.outer, round_start_);
  position_.round_learning_rate = schedule_.learning_rate.at(now);
  std::int64_t period = schedule_.period_at(now);
  if (options_.norm_test) {
    const std::int64_t batch = num_workers_ * position_.local_batch;
    const std::int64_t left = schedule_.total_steps * num_workers_ * options_.local_batch_size - position_.samples;
    period = std::min(period, (left + batch - 1) / batch);
  }
  position_.next_sync = position_.step + period;
}

void LocalSgd::choose_overlap(bool wanted) {
  if (wanted == (overlapped_ != nullptr)) return;
  overlapped_ = wanted ? std::make_unique<OverlappedGradients>(locals_.front()->leaves(), worker_) : nullptr;
  locals_.front()->overlap(overlapped_.get());
}

StepReport LocalSgd::step(bool measured) {
  const std::int64_t step = position_.step;
  const bool averages = position_.averages_gradients;
  const bool tests = options_.norm_test && step == position_.round_start;
  const bool clips_globally = options_.clip_norm && options_.clip_scope == ClipScope::global_where_averaged && averages;
  const bool clips_locally = options_.clip_norm && !clips_globally;
  const bool overlaps = averages && !clips_locally && !tests && locals_.size() == 1 && worker_.count() > 1 &&
                        !locals_.front()->leaves().empty();
  choose_overlap(overlaps);

  StepReport report;
  report.learning_rate = schedule_.learning_rate.at(schedule_step());
  const Account before = exchanged();
  std::vector<BatchResult> batches;
  for (std::size_t i = 0; i < locals_.size(); ++i) {
    const int number = worker_.rank() * static_cast<int>(locals_.size()) + static_cast<int>(i);
    const auto fault = fault_at(FaultSite::before_local_step, worker_.rank(), step);
    if (options_.on_nonfinite == OnNonfinite::skip && locals_[i]->buffers().defined())
      buffers_before_.at(i).copy_(locals_[i]->buffers());
    batches.push_back(locals_[i]->add_gradient(
        {step, position_.place, number, num_workers_, position_.local_batch, measured, tests}));
    if (fault == FaultKind::nan) locals_[i]->gradient().fill_(std::nan(""));
    if (options_.on_nonfinite == OnNonfinite::stop && !std::isfinite(batches.back().loss) && first_bad_step_ < 0)
      first_bad_step_ = step;
  }
  report.batch = batches.front();
  for (std::size_t i = 1; i < batches.size(); ++i) {
    report.batch.data_seconds += batches[i].data_seconds;
    report.batch.forward_seconds += batches[i].forward_seconds;
    report.batch.backward_seconds += batches[i].backward_seconds;
  }
  if (tests) test_norms(batches);

  for (auto& local : locals_)
    if (clips_locally) report.clipped |= clip_gradient(local->gradient(), *options_.clip_norm).clipped;
  if (averages)
    average_gradients(overlaps);
  else if (options_.hierarchical)
    worker_.average_in_node(locals_.front()->gradient());
  if (clips_globally)
    for (auto& local : locals_) report.clipped |= clip_gradient(local->gradient(), *options_.clip_norm).clipped;
  if (report.clipped) ++position_.clipped;

  at::Tensor unchanged;
  if (measured) {
    report.gradient_norm = at::norm(locals_.front()->gradient()).item<double>();
    unchanged = locals_.front()->parameters().clone();
  }
  const auto start = Clock::now();
  for (std::size_t i = 0; i < locals_.size(); ++i) {
    Objective& local = *locals_[i];
    if (skip_if_not_finite(i)) {
      report.skipped = true;
      continue;
    }
    optimizers_[i].step(local.parameters(), local.gradient(), report.learning_rate);
    local.gradient().zero_();
  }
  report.optimizer_seconds = seconds_since(start);
  // Where gradients are averaged all processes leave out the same step, and know it.
  if (averages) position_.skipped += std::exchange(unshared_skips_, 0) * worker_.count();
  if (measured) {
    report.parameter_norm = at::norm(locals_.front()->parameters()).item<double>();
    report.update_norm = at::norm(locals_.front()->parameters().sub(unchanged)).item<double>();
  }
  if (fault_at(FaultSite::after_local_step, worker_.rank(), step) == FaultKind::nan)
    locals_.front()->parameters().select(0, 0).fill_(std::nan(""));

  position_.learning_rate = report.learning_rate;
  const double effective_rate = options_.optimizer.rate_factor() * report.learning_rate;
  position_.slow_time += effective_rate * effective_rate;
  position_.samples += num_workers_ * position_.local_batch;
  position_.place = report.batch.next_place;
  ++position_.step;
  account(before);
  return report;
}

void LocalSgd::average_gradients(bool overlapped) {
  std::vector<at::Tensor> gradients;
  for (auto& local : locals_) gradients.push_back(local->gradient());
  if (!overlapped) {
    add_up_locals(gradients);
    average(gradients.front());
    copy_to_others(gradients);
  }
  // All workers see the same average, so all stop here together, with finite parameters.
  if (options_.guard_averages && options_.on_nonfinite == OnNonfinite::stop && !is_finite(gradients.front())) {
    if (first_bad_step_ < 0) first_bad_step_ = position_.step;
    throw Diverged("the averaged gradient of step " + std::to_string(position_.step) + " is not finite (first in '" +
                   locals_.front()->name_of(first_nonfinite(gradients.front())) +
                   "'); no worker has used it. Try a smaller learning_rate.peak, or clip.norm");
  }
}

/// Leaves this step out, batch-norm statistics included, if the gradient that the optimiser would take is not finite.
bool LocalSgd::skip_if_not_finite(std::size_t local) {
  if (options_.on_nonfinite == OnNonfinite::stop) return false;
  at::Tensor& gradient = locals_[local]->gradient();
  if (is_finite(gradient)) {
    skips_in_a_row_[local] = 0;
    return false;
  }
  std::fprintf(stderr, "quasar: worker %d leaves out step %lld: its gradient is not finite (first in '%s')\n",
               worker_.rank() * static_cast<int>(locals_.size()) + static_cast<int>(local),
               static_cast<long long>(position_.step), locals_[local]->name_of(first_nonfinite(gradient)).c_str());
  gradient.zero_();
  if (locals_[local]->buffers().defined()) locals_[local]->buffers().copy_(buffers_before_.at(local));
  ++unshared_skips_;
  if (++skips_in_a_row_[local] >= kMostSkipsInARow && first_bad_step_ < 0) first_bad_step_ = position_.step;
  return true;
}

void LocalSgd::throw_if_any_diverged(const char* doing) {
  double place = -1.0;
  std::size_t which = 0;
  for (std::size_t i = 0; i < locals_.size() && place < 0.0; ++i)
    if (!is_finite(locals_[i]->parameters()))
      which = i, place = static_cast<double>(first_nonfinite(locals_[i]->parameters()));
  const auto number = static_cast<double>(static_cast<std::size_t>(worker_.rank()) * locals_.size() + which);
  const at::Tensor all = worker_.gather(at::tensor(
      {place, number, static_cast<double>(first_bad_step_), static_cast<double>(unshared_skips_)}, at::kDouble));
  position_.skipped += all.select(1, 3).sum().item<std::int64_t>();
  unshared_skips_ = 0;
  for (std::int64_t rank = 0; rank < all.size(0); ++rank) {
    const auto row = all[rank];
    if (row[0].item<double>() < 0.0) continue;
    const auto bad_step = row[2].item<std::int64_t>();
    throw Diverged("worker " + std::to_string(row[1].item<std::int64_t>()) + ": '" +
                   locals_.front()->name_of(row[0].item<std::int64_t>()) + "' is not finite after step " +
                   std::to_string(position_.step) +
                   (bad_step >= 0 ? " (its loss first at step " + std::to_string(bad_step) + ")" : "") +
                   "; nothing was " + doing + ". Try a smaller learning_rate.peak, or clip.norm");
  }
}

AverageReport LocalSgd::end_round(bool measured) {
  AverageReport report;
  report.of_parameters = !position_.averages_gradients;
  const Account before = exchanged();
  if (report.of_parameters) {
    fault_at(FaultSite::before_average, worker_.rank(), position_.step);
    if (options_.guard_averages) {
      const auto start = Clock::now();
      throw_if_any_diverged("averaged");
      report.wait_seconds = seconds_since(start);
    }
    std::vector<at::Tensor> parameters;
    for (auto& local : locals_) parameters.push_back(local->parameters());
    std::vector<at::Tensor> own;
    if (measured)
      for (const auto& tensor : parameters) own.push_back(tensor.clone());
    const auto start = Clock::now();
    add_up_locals(parameters);
    average(parameters.front());
    report.transfer_seconds = seconds_since(start);
    const auto fault = fault_at(FaultSite::after_average, worker_.rank(), position_.step);
    if (fault == FaultKind::flip) flip_a_bit(parameters.front());
    const at::Tensor& average = parameters.front();
    if (measured) measure(own, average, report);
    fault_at(FaultSite::before_outer, worker_.rank(), position_.step);
    outer_.apply(parameters.front(), position_.round_learning_rate);
    fault_at(FaultSite::after_outer, worker_.rank(), position_.step);
    copy_to_others(parameters);
    average_local_state();
    const std::int64_t every = options_.check_replicas;
    if (every > 0 && (position_.round + 1) % every == 0)
      require_equal_replicas(worker_, *locals_.front(), position_.step);
  }
  round_start_.copy_(locals_.front()->parameters());
  if (ema_) ema_->update(round_start_);
  report.bytes = exchanged().bytes - before.bytes;
  account(before);
  ++position_.round;
  begin_round();
  return report;
}

void LocalSgd::measure(const std::vector<at::Tensor>& own, const at::Tensor& average, AverageReport& report) {
  double dispersion = 0.0, updates = 0.0;
  for (const at::Tensor& parameters : own) {
    dispersion += squared_norm(parameters.sub(average));
    updates += squared_norm(parameters.sub(round_start_));
  }
  at::Tensor sums = at::tensor({dispersion, updates}, at::kDouble).div_(static_cast<double>(own.size()));
  worker_.average(sums, Purpose::measurement);
  report.dispersion = sums[0].item<double>();
  report.mean_squared_update = sums[1].item<double>();
  report.squared_mean_update = squared_norm(average.sub(round_start_));
  report.squared_average = squared_norm(average);
}

/// Everything the averaging policy says of moments and batch-norm statistics.
void LocalSgd::average_local_state() {
  std::map<std::string, std::vector<at::Tensor>> states;
  for (Optimizer& optimizer : optimizers_)
    optimizer.visit_state([&](const char* name, const at::Tensor& tensor) { states[name].push_back(tensor); });
  for (auto& [name, tensors] : states) {
    const AtAverage action = options_.averaging.of(name);
    if (action == AtAverage::reset)
      for (at::Tensor& tensor : tensors) tensor.zero_();
    if (action != AtAverage::average) continue;
    add_up_locals(tensors);
    average(tensors.front());
    copy_to_others(tensors);
  }
  const BatchNormPolicy policy = options_.averaging.batch_norm;
  if (policy != BatchNormPolicy::average && policy != BatchNormPolicy::pooled) return;
  const at::Tensor buffers = combined_buffers(Purpose::training);
  if (!buffers.defined()) return;
  for (auto& local : locals_) local->buffers().copy_(buffers);
}

void LocalSgd::average(at::Tensor& mean, Purpose purpose) {
  worker_.average(mean, purpose);
  if (worker_.count() > 1 || locals_.size() == 1 || purpose != Purpose::training) return;
  ++in_turn_.collectives;
  in_turn_.bytes += static_cast<std::int64_t>(mean.nbytes());
}

Account LocalSgd::exchanged() const {
  Account account = worker_.account(Purpose::training);
  account.collectives += in_turn_.collectives;
  account.bytes += in_turn_.bytes;
  return account;
}

void LocalSgd::account(const Account& before) {
  const Account now = exchanged();
  position_.collectives += now.collectives - before.collectives;
  position_.bytes += now.bytes - before.bytes;
}

at::Tensor LocalSgd::shadow_parameters() {
  at::Tensor mean = locals_.front()->parameters().clone();
  for (std::size_t i = 1; i < locals_.size(); ++i) mean.add_(locals_[i]->parameters());
  if (locals_.size() > 1) mean.div_(static_cast<double>(locals_.size()));
  worker_.average(mean, Purpose::measurement);
  return mean;
}

at::Tensor LocalSgd::shadow_buffers() { return combined_buffers(Purpose::measurement); }

at::Tensor LocalSgd::combined_buffers(Purpose purpose) {
  if (!locals_.front()->buffers().defined() || locals_.front()->buffers().numel() == 0) return {};
  std::vector<at::Tensor> own;
  for (auto& local : locals_) own.push_back(local->buffers().clone());
  if (options_.averaging.batch_norm == BatchNormPolicy::pooled) {
    at::Tensor pooled = pool_batch_norm(own);
    pool_batch_norm(pooled, [&](at::Tensor& tensor) { average(tensor, purpose); });
    return pooled;
  }
  add_up_locals(own);
  average(own.front(), purpose);
  return own.front();
}

std::vector<StateField> LocalSgd::state() {
  std::vector<StateField> fields = {{"round_start", round_start_, true}};
  const auto add_shared = [&](const char* name, const at::Tensor& tensor) { fields.push_back({name, tensor, true}); };
  outer_.visit_state(add_shared);
  if (ema_) ema_->visit_state(add_shared);
  for (std::size_t i = 0; i < locals_.size(); ++i) {
    const std::string prefix =
        "worker-" + std::to_string(static_cast<std::size_t>(worker_.rank()) * locals_.size() + i);
    fields.push_back({prefix + ".parameters", locals_[i]->parameters(), false});
    if (locals_[i]->buffers().defined()) fields.push_back({prefix + ".buffers", locals_[i]->buffers(), false});
    optimizers_[i].visit_state([&](const char* name, const at::Tensor& tensor) {
      fields.push_back({prefix + "." + name, tensor, false});
    });
  }
  return fields;
}

void LocalSgd::restore(const TrainingPosition& position) { position_ = position; }

}  // namespace quasar
