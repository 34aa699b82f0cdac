// D6: what goes wrong before a run has begun, and D9's signals.
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/distributed/launched.h"

namespace quasar {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;

/// Ranks started by hand, which rank 0 serves.
class Rendezvous : public testing::Test {
 protected:
  StartedProcess& start(int rank, const std::string& log, int world_size = 2) {
    processes_.push_back(std::make_unique<StartedProcess>(std::vector<std::string>{ENGINE_PROCESS, "train"},
                                                          Variables{{"RANK", std::to_string(rank)},
                                                                    {"WORLD_SIZE", std::to_string(world_size)},
                                                                    {"MASTER_ADDR", address_},
                                                                    {"MASTER_PORT", std::to_string(port_)},
                                                                    {"TEST_RENDEZVOUS", rendezvous_seconds_}},
                                                          folder_.path() / log));
    return *processes_.back();
  }
  std::string log(const std::string& name) const { return text_of(folder_.path() / name); }

  const TemporaryFolder folder_;
  std::string address_ = "127.0.0.1";
  int port_ = free_port();
  std::string rendezvous_seconds_ = "2";

 private:
  std::vector<std::unique_ptr<StartedProcess>> processes_;
};

TEST_F(Rendezvous, MissingRanksAreListed) {
  auto& first = start(0, "0", 4);
  auto& third = start(2, "2", 4);
  EXPECT_EQ(first.exit_code(20.0), 6);
  EXPECT_EQ(third.exit_code(20.0), 6);
  EXPECT_THAT(log("0"), AnyOf(HasSubstr("did not come"), HasSubstr("peer 2 failed")));
  EXPECT_THAT(log("0"), HasSubstr(": 1, 3"));
  EXPECT_THAT(log("2"), HasSubstr(": 1, 3"));
}

TEST_F(Rendezvous, NobodyServingIsSaidWithTheAddress) {
  EXPECT_EQ(start(1, "1").exit_code(20.0), 6);
  EXPECT_THAT(log("1"), AllOf(HasSubstr("no store at 127.0.0.1:" + std::to_string(port_)), HasSubstr("MASTER_ADDR")));
}

TEST_F(Rendezvous, TakenPortIsNamed) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port_));
  ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(::listen(socket, 1), 0);
  EXPECT_EQ(start(0, "0").exit_code(20.0), 2);
  EXPECT_THAT(log("0"), HasSubstr("the port 127.0.0.1:" + std::to_string(port_) + " is taken"));
  ::close(socket);
}

TEST_F(Rendezvous, AddressOfAnotherHostIsRefused) {
  address_ = "192.0.2.1";  // RFC 5737: nobody's
  EXPECT_EQ(start(0, "0").exit_code(20.0), 2);
  EXPECT_THAT(log("0"), HasSubstr("MASTER_ADDR='192.0.2.1' is no address of"));
}

TEST_F(Rendezvous, TwoOfOneRankAreBothRefused) {
  auto& serving = start(0, "0", 3);
  auto& first = start(1, "1", 3);
  auto& second = start(1, "2", 3);
  const int codes = *first.exit_code(20.0) * 10 + *second.exit_code(20.0);
  EXPECT_THAT(codes, AnyOf(26, 62)) << "the later one is wrong, the other lost its peer";
  EXPECT_EQ(serving.exit_code(20.0), 6);
  for (const char* name : {"0", "1", "2"}) EXPECT_THAT(log(name), HasSubstr("two processes have RANK=1"));
}

TEST_F(Rendezvous, DifferentWorldSizesAreNamed) {
  auto& first = start(0, "0", 2);
  auto& second = start(1, "1", 3);
  EXPECT_NE(first.exit_code(20.0), 0);
  EXPECT_NE(second.exit_code(20.0), 0);
  EXPECT_THAT(log("1"), AllOf(HasSubstr("WORLD_SIZE is "), HasSubstr("but ")));
  EXPECT_THAT(log("0"), HasSubstr("WORLD_SIZE is "));
}

/// A connection to a port, retried until somebody listens there; -1 if nobody ever does.
int connection_to(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (std::chrono::steady_clock::now() < deadline) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) return socket;
    ::close(socket);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return -1;
}

TEST_F(Rendezvous, StrangersAtThePortDisturbNobody) {  // D7
  rendezvous_seconds_ = "30";
  auto& serving = start(0, "0");
  const std::string greeting("\0\xce\xf7\x85\x3c", 5);  // what every TCPStore client says first
  const std::string gibibyte("\0\0\0\x40\0\0\0\0", 8);
  const std::vector<std::string> strangers = {std::string(4096, '\xa5'),
                                              "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                                              std::string(1, '\0'),
                                              greeting + '\1' + gibibyte,
                                              greeting + '\1' + std::string(8, '\xff'),
                                              greeting + std::string(1, '\x7f'),
                                              ""};
  std::vector<int> open;
  for (const std::string& words : strangers) {
    open.push_back(connection_to(port_));
    ASSERT_GE(open.back(), 0);
    ASSERT_EQ(::send(open.back(), words.data(), words.size(), MSG_NOSIGNAL), static_cast<ssize_t>(words.size()));
  }
  for (int idle = 0; idle < 200; ++idle) open.push_back(connection_to(port_));
  std::istringstream memory(text_of("/proc/" + std::to_string(serving.pid()) + "/statm"));
  std::int64_t pages = 0, resident = 0;
  memory >> pages >> resident;
  EXPECT_LT(resident * ::sysconf(_SC_PAGESIZE), 600 << 20) << "a declared length was believed";
  auto& joining = start(1, "1");
  EXPECT_EQ(joining.exit_code(60.0), 0) << log("1");
  EXPECT_EQ(serving.exit_code(60.0), 0) << log("0");
  for (const int socket : open) ::close(socket);
}

/// The launcher as `quasar` runs it, with three ranks that have come together.
class SignalledLauncher : public testing::Test {
 protected:
  SignalledLauncher()
      : launcher_({ENGINE_PROCESS, "launch", "3", "signal"}, {{"TEST_FOLDER", folder_.path()}},
                  folder_.path() / "log") {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!std::filesystem::exists(folder_.path() / "ready") && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const TemporaryFolder folder_;
  StartedProcess launcher_;
};

TEST_F(SignalledLauncher, NoRankOutlivesIt) {
  ::kill(launcher_.pid(), SIGKILL);
  EXPECT_EQ(launcher_.exit_code(20.0), 128 + SIGKILL);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  for (int rank = 0; rank < 3; ++rank) {
    const pid_t pid = std::stoi(text_of(folder_.path() / ("pid-" + std::to_string(rank))));
    const auto runs = [&] {
      const std::string stat = text_of("/proc/" + std::to_string(pid) + "/stat");
      return stat.find("engine_process") != std::string::npos && stat.find(") Z ") == std::string::npos;
    };
    while (runs() && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_FALSE(runs()) << "rank " << rank;
  }
}

TEST_F(SignalledLauncher, PassesSignalsToAllRanksAndTheirRestartOn) {
  ::kill(launcher_.pid(), SIGUSR1);
  EXPECT_EQ(launcher_.exit_code(20.0), 75) << text_of(folder_.path() / "log");
}

}  // namespace
}  // namespace quasar
