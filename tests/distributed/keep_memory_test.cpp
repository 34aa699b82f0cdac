#include "distributed/engine/keep_memory.h"

#include <sys/resource.h>

#include <cstring>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace quasar {
namespace {

/// Page faults of this thread while it takes, fills and frees six blocks of 4 MiB, as a forward and backward pass do.
long faults_of_a_pass() {
  constexpr std::size_t kBytes = 4 << 20;
  const auto faults = [] {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_minflt;
  };
  const long before = faults();
  std::vector<void*> blocks;
  for (int i = 0; i < 6; ++i) {
    blocks.push_back(std::malloc(kBytes));
    std::memset(blocks.back(), i, kBytes);
  }
  for (void* block : blocks) std::free(block);
  return faults() - before;
}

TEST(KeepMemory, FreedBlocksAreReusedWithoutPageFaults) {
#ifndef __GLIBC__
  GTEST_SKIP() << "SKIPPED: needs glibc";
#endif
  faults_of_a_pass();
  EXPECT_GT(faults_of_a_pass(), 1000) << "the test sees no page faults at all";
  keep_freed_memory();
  faults_of_a_pass();
  EXPECT_LT(faults_of_a_pass(), 20);
  EXPECT_LT(faults_of_a_pass(), 20);
}

}  // namespace
}  // namespace quasar
