#include "core/progress.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

namespace quasar {
namespace {

/// Standard error as a terminal, where progress is said five times a second; in a file it is every five seconds.
class Terminal {
 public:
  Terminal() : screen_(posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK)), before_(dup(STDERR_FILENO)) {
    grantpt(screen_);
    unlockpt(screen_);
    const int line = open(ptsname(screen_), O_RDWR | O_NOCTTY);
    dup2(line, STDERR_FILENO);
    close(line);
  }
  ~Terminal() {
    dup2(before_, STDERR_FILENO);
    close(before_);
    close(screen_);
  }
  std::string text() const {
    char buffer[4096];
    const ssize_t size = read(screen_, buffer, sizeof(buffer));
    return size > 0 ? std::string(buffer, static_cast<std::size_t>(size)) : "";
  }

 private:
  int screen_, before_;
};

constexpr double kShortest = 0.25;

struct Said {
  std::string text;
  double longest;  ///< seconds that it may have taken
  double rate() const { return std::stod(text.substr(text.find("s, ") + 3)); }
};

/// What is said of 60 of 100 steps.
Said said_after(double start) {
  const Terminal terminal;
  const auto begin = std::chrono::steady_clock::now();
  Progress progress("some", 100, "steps");
  if (start > 0) progress.start_at(start);
  std::this_thread::sleep_for(std::chrono::duration<double>(kShortest));
  progress.update(60);
  return {terminal.text(), std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()};
}

TEST(Progress, CountsWhatAnEarlierProcessDidInNoRate) {
  for (const double start : {0.0, 50.0}) {
    const Said said = said_after(start);
    EXPECT_THAT(said.text, testing::HasSubstr("some:  60 %"));
    EXPECT_GT(said.rate(), 0.99 * (60 - start) / said.longest);
    EXPECT_LT(said.rate(), 1.01 * (60 - start) / kShortest);
  }
}

TEST(Progress, WritesDurationsForPeople) {
  EXPECT_EQ(format_duration(12.4), "12 s");
  EXPECT_EQ(format_duration(185), "3 min 05 s");
  EXPECT_EQ(format_duration(7800), "2 h 10 min");
}

}  // namespace
}  // namespace quasar
