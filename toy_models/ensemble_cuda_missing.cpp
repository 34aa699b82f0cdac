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

#define QUASAR_DEFINE(...)                                                                               \
  template <>                                                                                            \
  void advance_on_cuda(const __VA_ARGS__&, const RoundsView<float>&, const WorkerNoise&, std::uint32_t,  \
                       std::vector<Block<__VA_ARGS__::dim, float>>&) {                                   \
    require_cuda();                                                                                      \
  }                                                                                                      \
  template <>                                                                                            \
  void advance_on_cuda(const __VA_ARGS__&, const RoundsView<double>&, const WorkerNoise&, std::uint32_t, \
                       std::vector<Block<__VA_ARGS__::dim, double>>&) {                                  \
    require_cuda();                                                                                      \
  }
QUASAR_FOR_EACH_LANDSCAPE(QUASAR_DEFINE)
QUASAR_FOR_EACH_DYNAMIC_LANDSCAPE(QUASAR_DEFINE)

}  // namespace quasar
