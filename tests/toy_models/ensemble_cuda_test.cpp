#include "toy_models/ensemble_cuda.h"

#include <gtest/gtest.h>

#include "core/errors.h"
#include "tests/toy_models/ensemble_for_tests.h"
#include "toy_models/circle.h"
#include "toy_models/hyperbola.h"
#include "toy_models/quadratic.h"
#include "toy_models/valley.h"

namespace quasar {
namespace {

template <class L>
void expect_equal_bits(const L& landscape) {
  for (const Precision precision : {Precision::float32, Precision::float64}) {
    EnsembleOptions options;
    options.replicas = 1000;
    options.seed = 5;
    options.precision = precision;
    const auto schedule = constant_schedule(0.02, 500, 7);
    const Vec<L::dim> start = Vec<L::dim>::Constant(0.9);
    for (const int shards : {1, 3}) {
      options.shard = shards - 1;
      options.shards = shards;
      options.device = Device::cpu;
      const auto on_cpu = final_averages(landscape, start, schedule, options);
      options.device = Device::cuda;
      EXPECT_EQ(final_averages(landscape, start, schedule, options), on_cpu);
    }
  }
}

TEST(CudaEnsemble, GivesTheBitsOfTheCpu) {
  if (!cuda_device_available()) GTEST_SKIP() << "no CUDA device";
  expect_equal_bits(Valley{1.2});
  expect_equal_bits(Circle{4.0, 1.0, 0.5});
  expect_equal_bits(Hyperbola{0.8});
  expect_equal_bits(Quadratic<1>{{1.3}, {0.9}});
  expect_equal_bits(Quadratic<2>{{1.3, 0.4}, {0.9, 1.1}});
}

TEST(CudaEnsemble, WithoutADeviceIsAConfigError) {
  if (cuda_device_available()) GTEST_SKIP() << "this machine has a CUDA device: " << cuda_device_name();
  EXPECT_EQ(cuda_device_name(), "");
  EnsembleOptions options;
  options.device = Device::cuda;
  EXPECT_THROW(run_ensemble(Valley{}, {0.0, 0.5}, constant_schedule(0.1, 1, 1), options, {}, {}), ConfigError);
}

}  // namespace
}  // namespace quasar
