#include "core/errors.h"
#include "toy_models/compiled_kernels.h"
#include "toy_models/dynamic_kernels.h"
#include "toy_models/ensemble_cuda.h"

namespace quasar {

bool cuda_device_available() { return false; }
std::string cuda_device_name() { return {}; }

void require_cuda() {
  throw ConfigError(
      "this quasar was built without CUDA; install the CUDA toolkit, put nvcc on PATH and build again with "
      "-DQUASAR_CUDA=ON, or use the device cpu");
}

template <Landscape L, class Real>
void advance_on_cuda(const L&, const RoundsView<Real>&, const WorkerNoise&, std::uint32_t,
                     std::vector<Block<L::dim, Real>>&) {
  require_cuda();
}

template <DynamicLandscape L, class Real>
void advance_on_cuda(const L&, const RoundsView<Real>&, const WorkerNoise&, std::uint32_t,
                     std::vector<Block<L::dim, Real>>&) {
  require_cuda();
}

#define QUASAR_DEFINE(...)                                                        \
  template AdvanceOnCuda<__VA_ARGS__, float> advance_on_cuda<__VA_ARGS__, float>; \
  template AdvanceOnCuda<__VA_ARGS__, double> advance_on_cuda<__VA_ARGS__, double>;
QUASAR_FOR_EACH_LANDSCAPE(QUASAR_DEFINE)
QUASAR_FOR_EACH_DYNAMIC_LANDSCAPE(QUASAR_DEFINE)

}  // namespace quasar
