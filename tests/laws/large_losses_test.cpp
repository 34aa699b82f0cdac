#include "tests/laws/landscape_cases.h"
#include "tests/laws/loss_laws.h"

namespace quasar {
namespace {

// without a projection in closed form
using OtherLosses = testing::Types<MatrixFactorizationCase, TanhNetworkCase>;
INSTANTIATE_TYPED_TEST_SUITE_P(OtherToyModels, LossLaws, OtherLosses);

}  // namespace
}  // namespace quasar
