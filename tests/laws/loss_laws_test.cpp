#include "tests/laws/loss_laws.h"

#include "toy_models/circle.h"
#include "toy_models/hyperbola.h"
#include "toy_models/periodic_valley.h"
#include "toy_models/quadratic.h"
#include "toy_models/river.h"
#include "toy_models/sphere.h"
#include "toy_models/turning_valley.h"
#include "toy_models/valley.h"

namespace quasar {
namespace {

struct ValleyCase {
  static Valley landscape() { return {1.3}; }
  static Vec<2> near() { return {0.0, 0.4}; }
  static constexpr int rank = 1;
};
struct CircleCase {
  static Circle landscape() { return {3.0, 1.2, 0.5}; }
  static Vec<2> near() { return {0.6, -0.8}; }
  static constexpr int rank = 1;
};
struct HyperbolaCase {
  static Hyperbola landscape() { return {0.7}; }
  static Vec<2> near() { return {1.25, 0.8}; }
  static constexpr int rank = 1;
};
struct NegativeHyperbolaCase : HyperbolaCase {
  static Vec<2> near() { return {-1.25, -0.8}; }
};
struct BowlCase {
  static Quadratic<1> landscape() { return {{0.8}, {0.5}}; }
  static Vec<1> near() { return Vec<1>(0.3); }
  static constexpr int rank = 1;
};
struct FlatBowlCase {
  static Quadratic<3> landscape() { return {{0.0, 1.5, 0.5}, {0.5, 1.0, 2.0}}; }
  static Vec<3> near() { return {0.3, -0.2, 0.1}; }
  static constexpr int rank = 2;
};

struct RiverCase {
  static River landscape() { return {1.5, 0.4, 1.1, 0.3}; }
  static Vec<2> near() { return {0.1, 0.6}; }
  static constexpr int rank = 1;
};
struct PeriodicValleyCase {
  static PeriodicValley landscape() { return {0.9, 0.7}; }
  static Vec<2> near() { return {-0.2, 8.0}; }
  static constexpr int rank = 1;
};
struct SphereCase {
  static Sphere<3> landscape() { return {3.0, 0.8}; }
  static Vec<3> near() { return {0.5, -0.7, 0.6}; }
  static constexpr int rank = 1;
};
struct TurningValleyCase {
  static TurningValley landscape() { return {2.0, 0.7, 0.8, 1.2, 0.5, 0.3}; }
  static Vec<3> near() { return {0.1, -0.2, 1.1}; }
  static constexpr int rank = 2;
};

using Landscapes = testing::Types<ValleyCase, CircleCase, HyperbolaCase, NegativeHyperbolaCase, BowlCase, FlatBowlCase,
                                  RiverCase, PeriodicValleyCase, SphereCase, TurningValleyCase>;
INSTANTIATE_TYPED_TEST_SUITE_P(ToyModels, LandscapeLaws, Landscapes);

}  // namespace
}  // namespace quasar
