#include "core/errors.h"
#include "toy_models/circle.h"
#include "toy_models/diagonal_network.h"
#include "toy_models/ellipse.h"
#include "toy_models/ensemble_cuda.h"
#include "toy_models/hyperbola.h"
#include "toy_models/least_squares.h"
#include "toy_models/multiplicative_quadratic.h"
#include "toy_models/periodic_valley.h"
#include "toy_models/quadratic.h"
#include "toy_models/river.h"
#include "toy_models/sphere.h"
#include "toy_models/turning_valley.h"
#include "toy_models/valley.h"

namespace quasar {

bool cuda_device_available() { return false; }
std::string cuda_device_name() { return {}; }

void require_cuda() {
  throw ConfigError(
      "this quasar was built without CUDA; install the CUDA toolkit, put nvcc on PATH and build again with "
      "-DQUASAR_CUDA=ON, or use the device cpu");
}

template <class L>
void CudaEnsemble<L>::advance(const L&, const RoundsView<float>&, const WorkerNoise&,
                              std::vector<Block<L::dim, float>>&) {
  require_cuda();
}

template <class L>
void CudaEnsemble<L>::advance(const L&, const RoundsView<double>&, const WorkerNoise&,
                              std::vector<Block<L::dim, double>>&) {
  require_cuda();
}

template struct CudaEnsemble<Valley>;
template struct CudaEnsemble<Circle>;
template struct CudaEnsemble<Hyperbola>;
template struct CudaEnsemble<River>;
template struct CudaEnsemble<PeriodicValley>;
template struct CudaEnsemble<Sphere<3>>;
template struct CudaEnsemble<TurningValley>;
template struct CudaEnsemble<Ellipse>;
template struct CudaEnsemble<DiagonalNetwork<8, 3>>;
template struct CudaEnsemble<MultiplicativeQuadratic>;
template struct CudaEnsemble<Quadratic<1>>;
template struct CudaEnsemble<Quadratic<2>>;
template struct CudaEnsemble<LeastSquares<2, 4>>;

}  // namespace quasar
