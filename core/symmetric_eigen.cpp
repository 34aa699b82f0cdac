#include "core/symmetric_eigen.h"

namespace quasar {

#define QUASAR_DEFINE(DIM) template Eigen::SelfAdjointEigenSolver<Mat<DIM>> symmetric_eigen<DIM>(const Mat<DIM>&, int);
QUASAR_FOR_EACH_DIMENSION(QUASAR_DEFINE)

}  // namespace quasar
