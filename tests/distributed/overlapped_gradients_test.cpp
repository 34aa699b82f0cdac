#include "distributed/engine/overlapped_gradients.h"

#include <atomic>
#include <chrono>
#include <thread>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include "core/errors.h"

namespace quasar {
namespace {

/// Three layers whose gradients are views of one flat buffer.
struct FlatNetwork {
  std::vector<at::Tensor> parameters;
  at::Tensor gradients;

  FlatNetwork() {
    const std::vector<std::vector<std::int64_t>> shapes = {{16, 10}, {16}, {16, 16}, {1, 16}};
    std::int64_t size = 0, offset = 0;
    for (const auto& shape : shapes) size += c10::multiply_integers(shape);
    gradients = at::zeros({size}, at::kDouble);
    for (const auto& shape : shapes) {
      const std::int64_t count = c10::multiply_integers(shape);
      at::Tensor values = at::sin(at::arange(count, at::kDouble) * 0.7 + static_cast<double>(offset)).mul_(0.4);
      parameters.push_back(values.view(shape).requires_grad_(true));
      parameters.back().mutable_grad() = gradients.narrow(0, offset, count).view(shape);
      offset += count;
    }
  }
  at::Tensor loss(int rank, int step) const {
    const at::Tensor input = at::cos(at::arange(40, at::kDouble) * (1.0 + rank + 0.3 * step)).view({4, 10});
    at::Tensor hidden = at::tanh(at::linear(input, parameters[0], parameters[1]));
    hidden = at::tanh(at::linear(hidden, parameters[2]));
    return at::linear(hidden, parameters[3]).square().sum();
  }
  bool still_views() const {
    std::int64_t offset = 0;
    for (const at::Tensor& parameter : parameters) {
      if (parameter.grad().data_ptr() != gradients.data_ptr<double>() + offset) return false;
      offset += parameter.numel();
    }
    return true;
  }
};

TEST(OverlappedGradients, AreTheFlatAverageAndStayViews) {
  for (const int count : {1, 2, 3}) {
    run_workers({.count = count}, [&](Worker& worker) {
      FlatNetwork overlapped, plain;
      // Small buckets, so that there are several.
      OverlappedGradients gradients(overlapped.parameters, worker, 512);
      for (int step = 0; step < 4; ++step) {
        worker.beat(step);
        overlapped.gradients.zero_();
        plain.gradients.zero_();
        gradients.before_forward();
        const at::Tensor loss = overlapped.loss(worker.rank(), step);
        gradients.before_backward({loss});
        torch::autograd::backward({loss}, {});
        torch::autograd::backward({plain.loss(worker.rank(), step)}, {});
        worker.average(plain.gradients, Purpose::measurement);
        ASSERT_TRUE(overlapped.still_views());
        ASSERT_GT(plain.gradients.abs().max().item<double>(), 1e-3) << "nothing was compared";
        if (count <= 2)
          ASSERT_TRUE(overlapped.gradients.equal(plain.gradients)) << "K = 2: one addition, in either order";
        else
          ASSERT_TRUE(overlapped.gradients.allclose(plain.gradients, 1e-13, 1e-14));
      }
      const std::int64_t bytes = count == 1 ? 0 : 4 * static_cast<std::int64_t>(plain.gradients.nbytes());
      EXPECT_EQ(worker.account(Purpose::training).bytes, bytes);
      EXPECT_TRUE(count == 1 || worker.account(Purpose::training).collectives > 4) << "one bucket cannot overlap";
    });
  }
}

TEST(OverlappedAverage, AWorkerEndsAfterGloosThreadHasReportedIt) {
  using std::chrono::milliseconds;
  std::atomic<bool> reported = false;
  run_workers({.count = 2, .check_collectives = false}, [&](Worker& worker) {
    worker.process_group();
    // Rank 1 comes late, so that rank 0 hears of the end on Gloo's thread, and is held up there.
    if (worker.rank() == 1) std::this_thread::sleep_for(milliseconds(100));
    const auto average = worker.start_average(at::full({4}, worker.rank(), at::kDouble));
    if (worker.rank() == 0)
      average->addCallback([&](c10::ivalue::Future&) {
        std::this_thread::sleep_for(milliseconds(300));
        reported = true;
      });
    average->wait();
    EXPECT_EQ(average->value().toTensorVector().front().sum().item<double>(), 2.0);
  });
  EXPECT_TRUE(reported);
}

TEST(OverlappedGradients, LostPeerEndsTheWaitInBackward) {
  try {
    run_workers({.count = 3}, [](Worker& worker) {
      FlatNetwork network;
      OverlappedGradients gradients(network.parameters, worker);
      for (int step = 0;; ++step) {
        if (worker.rank() == 1 && step == 2) throw DataError("bad sample");
        gradients.before_forward();
        const at::Tensor loss = network.loss(worker.rank(), step);
        gradients.before_backward({loss});
        torch::autograd::backward({loss}, {});
      }
    });
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "bad sample");
  }
}

}  // namespace
}  // namespace quasar
