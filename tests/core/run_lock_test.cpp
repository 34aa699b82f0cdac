#include "core/run_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <array>
#include <optional>

#include "core/errors.h"
#include "tests/child_process.h"
#include "tests/distributed/temporary_folder.h"

namespace quasar {
namespace {

using testing::HasSubstr;

std::string refusal(const std::filesystem::path& run) {
  try {
    const RunLock lock(run);
    return "";
  } catch (const ConfigError& error) {
    return error.what();
  }
}

TEST(RunLock, SecondHolderIsRefusedWithTheFirstsProcessAndHost) {
  const TemporaryFolder folder;
  std::array<char, 256> host{};
  ASSERT_EQ(gethostname(host.data(), host.size() - 1), 0);
  std::optional<RunLock> lock(folder.path() / "run");
  const std::string said = refusal(folder.path() / "run");
  EXPECT_THAT(said, HasSubstr("process " + std::to_string(getpid()) + " on " + host.data()));
  EXPECT_THAT(said, HasSubstr((folder.path() / "run").string()));
  EXPECT_EQ(refusal(folder.path() / "another"), "");
  lock.reset();
  EXPECT_EQ(refusal(folder.path() / "run"), "");
}

TEST(RunLock, IsReleasedByTheDeathOfItsProcess) {
  const TemporaryFolder folder;
  const std::string run = folder.path() / "run";
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);  // never written to: the child would wait for ever
  {
    // sh, so that the lock's holder reads our pipe instead of /dev/null
    const std::string command =
        std::string("exec ") + CHECKPOINT_SAVER + " hold " + run + " <&" + std::to_string(pipe[0]);
    RunningBinary child("/bin/sh", {"-c", command}, folder.path());
    ASSERT_TRUE(becomes_true([&] { return child.errors_so_far() == "held\n"; }, std::chrono::seconds(20)));
    EXPECT_THAT(refusal(run), HasSubstr("is in use by process "));
    child.send(SIGKILL);
    EXPECT_EQ(child.wait(std::chrono::seconds(20)).code, 128 + SIGKILL);
  }
  EXPECT_EQ(refusal(run), "");
  for (const int end : pipe) close(end);
}

}  // namespace
}  // namespace quasar
