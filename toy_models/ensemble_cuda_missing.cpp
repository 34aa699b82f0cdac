#include "core/errors.h"
#include "toy_models/compiled_kernels.h"
#include "toy_models/ensemble_cuda.h"

namespace quasar {

bool cuda_device_available() { return false; }
std::string cuda_device_name() { return {}; }

void require_cuda() {
  throw ConfigError(
      "this quasar was built without CUDA; install the CUDA toolkit, put nvcc on PATH and build again with "
      "-DQUASAR_CUDA=ON, or use the device cpu");
}

template <class L>
void CudaEnsemble<L>::advance(const L&, const RoundsView<float>&, const WorkerNoise&, std::uint32_t,
                              std::vector<Block<L::dim, float>>&) {
  require_cuda();
}

template <class L>
void CudaEnsemble<L>::advance(const L&, const RoundsView<double>&, const WorkerNoise&, std::uint32_t,
                              std::vector<Block<L::dim, double>>&) {
  require_cuda();
}

#define QUASAR_DEFINE(...) template struct CudaEnsemble<__VA_ARGS__>;
QUASAR_FOR_EACH_LANDSCAPE(QUASAR_DEFINE)

}  // namespace quasar
