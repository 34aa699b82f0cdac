#include "core/parallel_for.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace quasar {
namespace {

TEST(ParallelFor, VisitsEveryIndexOnceOnAThreadOfItsOwnNumber) {
  for (const int threads : {1, 3, 50}) {
    std::vector<std::atomic<int>> visits(100), of_thread(50);
    parallel_for(100, 7, threads, [&](std::size_t thread, std::size_t i) {
      ++visits[i];
      ++of_thread.at(thread);
    });
    for (const auto& count : visits) EXPECT_EQ(count, 1);
    int sum = 0;
    for (int t = 0; t < threads; ++t) sum += of_thread[static_cast<std::size_t>(t)];
    EXPECT_EQ(sum, 100);
  }
  parallel_for(0, 1, 4, [](std::size_t) { FAIL(); });
}

TEST(ParallelFor, ThrowsWhatAThreadThrewAndBeginsNothingMore) {
  for (const int threads : {1, 3}) {
    std::atomic<int> begun{0};
    const auto work = [&](std::size_t i) {
      ++begun;
      if (i == 20) throw std::runtime_error("twenty");
    };
    EXPECT_THROW(parallel_for(1'000'000'000, 1, threads, work), std::runtime_error);
    EXPECT_LT(begun, 1'000'000'000);
  }
}

}  // namespace
}  // namespace quasar
