// What the headers declare as compiled once for each dimension of QUASAR_FOR_EACH_DIMENSION.

#include "sde/platen_scheme.h"
#include "sde/slow_coefficients.h"
#include "sde/talay_tubaro.h"

namespace quasar {

#define QUASAR_DEFINE(DIM)                                                                                            \
  template HessianModes<DIM> split_modes<DIM>(const Mat<DIM>&, double);                                               \
  template Mat<DIM> symmetric_root<DIM>(const Mat<DIM>&);                                                             \
  template Mat<DIM> force_integrand<DIM>(const HessianModes<DIM>&, const Mat<DIM>&, const DriftWeights&);             \
  template SlowCoefficients<DIM> coefficients_along<DIM>(const HessianModes<DIM>&, const Mat<DIM>&, const Vec<DIM>&); \
  template StepNoise<DIM> draw_step_noise<DIM>(NoiseLaw, std::uint64_t, std::int64_t, std::int64_t, Eigen::Index);    \
  template Projection<DIM> Euler::operator()(const SlowCoefficientFunction<DIM>&, const RetractionFunction<DIM>&,     \
                                             const Vec<DIM>&, double, const StepNoise<DIM>&) const;                   \
  template Projection<DIM> Platen::operator()(const ItoCoefficientFunction<DIM>&, const RetractionFunction<DIM>&,     \
                                              const Vec<DIM>&, double, const StepNoise<DIM>&) const;                  \
  template CoupledPoints<DIM> TalayTubaro::operator()(const SlowCoefficientFunction<DIM>&,                            \
                                                      const RetractionFunction<DIM>&, const CoupledPoints<DIM>&,      \
                                                      double, const StepNoise<DIM>&, const StepNoise<DIM>&) const;
QUASAR_FOR_EACH_DIMENSION(QUASAR_DEFINE)

}  // namespace quasar
