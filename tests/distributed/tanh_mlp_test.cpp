#include "distributed/networks/tanh_mlp.h"

#include <cmath>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/random.h"

namespace quasar {
namespace {

const TanhMlp kNet(5, 4, 2);

/// Standard normals that depend on the number alone.
at::Tensor random_tensor(at::IntArrayRef shape, std::uint64_t number) {
  at::Tensor tensor = at::empty(shape, at::kDouble);
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    float z[4];
    normals({.seed = number, .use = Use::toy_noise, .replica = 0, .step = static_cast<std::uint64_t>(i)}, z);
    tensor.data_ptr<double>()[i] = z[0];
  }
  return tensor;
}

/// |f|^2 summed over replicas, samples and outputs.
double loss_of(const at::Tensor& flat, std::int64_t replicas, const at::Tensor& inputs) {
  return kNet.forward(kNet.views(flat, replicas), inputs).square().sum().item<double>();
}

TEST(TanhMlp, EqualsTheFormulaWrittenOut) {
  const at::Tensor flat = random_tensor({kNet.parameter_count()}, 1), x = random_tensor({5}, 2);
  const double* p = flat.data_ptr<double>();
  const at::Tensor outputs = kNet.forward(kNet.views(flat, 1), x.view({1, 1, 5}));
  for (int o = 0; o < 2; ++o) {
    double expected = p[4 * 5 + 4 + 2 * 4 + o];
    for (int h = 0; h < 4; ++h) {
      double z = p[4 * 5 + h];
      for (int i = 0; i < 5; ++i) z += p[h * 5 + i] * x.data_ptr<double>()[i];
      expected += p[4 * 5 + 4 + o * 4 + h] * std::tanh(z);
    }
    EXPECT_NEAR(outputs[0][0][o].item<double>(), expected, 1e-14);
  }
}

TEST(TanhMlp, GradientEqualsFiniteDifferences) {
  const at::Tensor inputs = random_tensor({3, 2, 5}, 3);
  at::Tensor flat = random_tensor({3 * kNet.parameter_count()}, 4);
  const at::Tensor leaf = flat.clone().requires_grad_(true);
  const at::Tensor loss = kNet.forward(kNet.views(leaf, 3), inputs).square().sum();
  torch::autograd::backward({loss}, {});
  constexpr double kStep = 1e-5;  // truncation and rounding are both near 1e-10 then
  for (std::int64_t i = 0; i < flat.numel(); ++i) {
    double& value = flat.data_ptr<double>()[i];
    const double there = value;
    value = there + kStep;
    const double above = loss_of(flat, 3, inputs);
    value = there - kStep;
    const double below = loss_of(flat, 3, inputs);
    value = there;
    EXPECT_NEAR(leaf.grad()[i].item<double>(), (above - below) / (2 * kStep), 1e-7);
  }
}

TEST(TanhMlp, ReplicasOfABatchEqualSeparateNetworks) {
  const at::Tensor rows = random_tensor({3, kNet.parameter_count()}, 5), inputs = random_tensor({3, 2, 5}, 6);
  const at::Tensor together = kNet.forward(kNet.views(kNet.rows_to_flat(rows), 3), inputs);
  for (int r = 0; r < 3; ++r) {
    const at::Tensor alone = kNet.forward(kNet.views(rows[r], 1), inputs.narrow(0, r, 1));
    EXPECT_LT((together[r] - alone[0]).abs().max().item<double>(), 1e-14);
  }
}

TEST(TanhMlp, ExpandedViewsOfOneReplicaGivePerSampleGradients) {
  const at::Tensor row = random_tensor({kNet.parameter_count()}, 7), inputs = random_tensor({4, 1, 5}, 8);
  std::vector<at::Tensor> expanded;
  for (const at::Tensor& view : kNet.views(row, 1)) {
    std::vector<std::int64_t> shape = view.sizes().vec();
    shape[0] = 4;
    expanded.push_back(view.expand(shape).detach().requires_grad_(true));
  }
  const at::Tensor outputs = kNet.forward(expanded, inputs).select(2, 0);
  const auto gradients = torch::autograd::grad({outputs.sum()}, expanded);
  for (int sample = 0; sample < 4; ++sample) {
    const at::Tensor leaf = row.clone().requires_grad_(true);
    const at::Tensor output = kNet.forward(kNet.views(leaf, 1), inputs.narrow(0, sample, 1)).select(2, 0);
    torch::autograd::backward({output}, {at::ones_like(output)});
    std::vector<at::Tensor> parts;
    for (const at::Tensor& gradient : gradients) parts.push_back(gradient[sample].reshape({-1}));
    EXPECT_LT((at::cat(parts) - leaf.grad()).abs().max().item<double>(), 1e-13);
  }
}

TEST(TanhMlp, RowsSurviveTheFlatBuffer) {
  const at::Tensor rows = random_tensor({3, kNet.parameter_count()}, 9);
  EXPECT_TRUE(kNet.flat_to_rows(kNet.rows_to_flat(rows), 3).equal(rows));
}

TEST(TanhMlp, StartHasTheScalesOfItsDocumentation) {
  const TanhMlp net(196, 200, 3);
  const at::Tensor start = net.start_parameters(1, at::kDouble);
  const auto views = net.views(start, 1);
  const double expected[] = {4.0 / 196, 0.01, 1.0 / 200, 0.0};
  for (int i = 0; i < 4; ++i) {
    const double variance = views[i].square().mean().item<double>();
    const double relative_error = std::sqrt(2.0 / static_cast<double>(views[i].numel()));
    EXPECT_NEAR(variance, expected[i], 4 * relative_error * expected[i]) << TanhMlp::parameter_names()[i];
  }
  EXPECT_TRUE(start.equal(net.start_parameters(1, at::kDouble)));
  EXPECT_FALSE(start.equal(net.start_parameters(2, at::kDouble)));
}

}  // namespace
}  // namespace quasar
