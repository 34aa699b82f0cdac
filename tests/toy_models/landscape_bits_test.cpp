// Every landscape that has kernels, in both precisions and under both of their noise laws: the same bits everywhere.

#include <gtest/gtest.h>

#include "tests/laws/landscape_cases.h"
#include "tests/toy_models/ensemble_for_tests.h"
#include "toy_models/ensemble_cuda.h"

namespace quasar {
namespace {

/// DiagonalNetwork and LeastSquares of the sizes that are compiled.
struct CompiledNetworkCase {
  static DiagonalNetwork<8, 3> landscape() {
    return {{{1, 1, 1, 1, -1, -1, 1, -1}, {-1, 1, 1, -1, 1, -1, 1, 1}, {0.5, 1, 2, -1, 1, 1, -0.3, 1}},
            {1.0, -0.8, 0.6},
            0.5};
  }
  static Vec<16> near() { return Vec<16>::LinSpaced(0.5, 0.9); }
};
struct CompiledLeastSquaresCase {
  static LeastSquares<2, 4> landscape() {
    return {{{1.0, 0.2}, {-0.4, 1.1}, {0.7, -0.9}, {0.3, 0.6}}, {1.0, -0.5, 0.3, 0.8}, 0.7};
  }
  static Vec<2> near() { return {0.3, -0.2}; }
};
struct PlaneBowlCase {
  static Quadratic<2> landscape() { return {{1.3, 0.4}, {0.9, 1.1}}; }
  static Vec<2> near() { return {0.3, -0.2}; }
};

template <class Case>
class LandscapeBits : public testing::Test {
 protected:
  /// Calls compare(with), where with(set_up) runs the ensemble with some options changed.
  template <class Compare>
  static void in_each_precision_and_law(const Compare& compare) {
    const auto landscape = Case::landscape();
    for (const Precision precision : {Precision::float32, Precision::float64})
      for (const ToyNoise& noise : {ToyNoise(toy_noise::Gaussian{}), ToyNoise(toy_noise::LabelNoise{})}) {
        EnsembleOptions options;
        options.num_workers = 5;
        options.replicas = 100;
        options.seed = 31;
        options.precision = precision;
        options.noise = noise;
        compare([&](const std::function<void(EnsembleOptions&)>& change) {
          EnsembleOptions changed = options;
          change(changed);
          return final_averages(landscape, Case::near(), constant_schedule(0.02, 40, 17), changed);
        });
      }
  }

  static void expect_those_of_plain_code(InstructionSet wider) {
    if (wider > best_instruction_set()) GTEST_SKIP() << "this CPU has no " << name_of(wider);
    in_each_precision_and_law([&](const auto& with) {
      const auto plain = with([](EnsembleOptions& options) { options.instruction_set = InstructionSet::baseline; });
      EXPECT_EQ(with([&](EnsembleOptions& options) { options.instruction_set = wider; }), plain);
      EXPECT_NE(plain[0], plain[1]);
    });
  }
};

using Cases = testing::Types<ValleyCase, CircleCase, HyperbolaCase, RiverCase, PeriodicValleyCase, SphereCase,
                             TurningValleyCase, EllipseCase, CompiledNetworkCase, CompiledLeastSquaresCase,
                             MultiplicativeBowlCase, BowlCase, PlaneBowlCase>;
TYPED_TEST_SUITE(LandscapeBits, Cases);

TYPED_TEST(LandscapeBits, OfAvx2AreThoseOfPlainCode) { this->expect_those_of_plain_code(InstructionSet::x86_64_v3); }
TYPED_TEST(LandscapeBits, OfAvx512AreThoseOfPlainCode) { this->expect_those_of_plain_code(InstructionSet::x86_64_v4); }

TYPED_TEST(LandscapeBits, OfCudaAndItsShardsAreThoseOfTheCpu) {
  if (!cuda_device_available()) GTEST_SKIP() << "no CUDA device";
  this->in_each_precision_and_law([](const auto& with) {
    for (const int shards : {1, 2}) {
      const auto last_shard_on = [&](Device device) {
        return with([&](EnsembleOptions& options) {
          options.device = device;
          options.shards = shards;
          options.shard = shards - 1;
        });
      };
      EXPECT_EQ(last_shard_on(Device::cuda), last_shard_on(Device::cpu));
    }
  });
}

}  // namespace
}  // namespace quasar
