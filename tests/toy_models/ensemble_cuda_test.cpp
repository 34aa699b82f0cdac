#include "toy_models/ensemble_cuda.h"

#include <gtest/gtest.h>

#include "core/errors.h"
#include "tests/toy_models/dynamic_for_tests.h"
#include "toy_models/valley.h"

namespace quasar {
namespace {

TEST(CudaEnsemble, WithoutADeviceIsAConfigError) {
  if (cuda_device_available()) GTEST_SKIP() << "this machine has a CUDA device: " << cuda_device_name();
  EXPECT_EQ(cuda_device_name(), "");
  EnsembleOptions options;
  options.device = Device::cuda;
  EXPECT_THROW(run_ensemble(Valley{}, {0.0, 0.5}, constant_schedule(0.1, 1, 1), options, {}, {}), ConfigError);
  EXPECT_THROW(records_of(tanh_problem(), constant_schedule(0.1, 1, 1), options, unprojected_recording<TanhNetwork>()),
               ConfigError);
}

}  // namespace
}  // namespace quasar
