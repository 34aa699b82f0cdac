#include "tests/laws/landscape_cases.h"
#include "tests/laws/loss_laws.h"

namespace quasar {
namespace {

using Analytic = testing::Types<ValleyCase, CircleCase, EllipseCase, HyperbolaCase, NegativeHyperbolaCase, BowlCase,
                                FlatBowlCase, MultiplicativeBowlCase, RiverCase, PeriodicValleyCase, SphereCase,
                                TurningValleyCase, DiagonalNetworkCase, MatrixFactorizationCase>;
INSTANTIATE_TYPED_TEST_SUITE_P(ToyModels, JetLaws, Analytic);

}  // namespace
}  // namespace quasar
