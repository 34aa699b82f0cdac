#include "experiments/slow_dynamics.h"

namespace quasar {

QUASAR_SLOW_DYNAMICS(, 2)
QUASAR_SLOW_DYNAMICS(, 3)
QUASAR_SLOW_DYNAMICS(, Eigen::Dynamic)

}  // namespace quasar
