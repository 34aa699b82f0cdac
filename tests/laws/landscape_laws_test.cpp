#include "tests/laws/loss_laws.h"

#include "tests/laws/landscape_cases.h"

namespace quasar {
namespace {

using Landscapes = testing::Types<ValleyCase, CircleCase, EllipseCase, HyperbolaCase, NegativeHyperbolaCase, BowlCase,
                                  FlatBowlCase, MultiplicativeBowlCase, RiverCase, PeriodicValleyCase, SphereCase,
                                  TurningValleyCase, DiagonalNetworkCase, LeastSquaresCase>;
INSTANTIATE_TYPED_TEST_SUITE_P(ToyModels, LandscapeLaws, Landscapes);

}  // namespace
}  // namespace quasar
