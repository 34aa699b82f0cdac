#include "toy_models/compiled_kernels.h"

namespace quasar {

#define QUASAR_DEFINE(...) template AdvanceBlock<__VA_ARGS__, float> advance_block<__VA_ARGS__, float>;
QUASAR_FOR_EACH_LANDSCAPE(QUASAR_DEFINE)

}  // namespace quasar
