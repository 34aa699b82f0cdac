#include "distributed/engine/gloo_group.h"

#include <net/if.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include "core/errors.h"

namespace quasar {
namespace {

using c10d::ProcessGroupGloo;

/// The address our packets to this host carry: a connected UDP socket knows it without sending any.
std::string address_towards(const std::string& host, int port) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_DGRAM;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return host;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  const int socket = ::socket(found->ai_family, SOCK_DGRAM, 0);
  sockaddr_storage own{};
  socklen_t size = sizeof(own);
  char text[NI_MAXHOST] = {};
  const bool known =
      ::connect(socket, found->ai_addr, found->ai_addrlen) == 0 &&
      ::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &size) == 0 &&
      ::getnameinfo(reinterpret_cast<sockaddr*>(&own), size, text, sizeof(text), nullptr, 0, NI_NUMERICHOST) == 0;
  ::close(socket);
  return known ? text : host;
}

}  // namespace

GlooDevice make_gloo_device(const std::string& interface, const LaunchEnvironment& place) {
  std::string chosen = interface;
  if (const char* name = std::getenv("GLOO_SOCKET_IFNAME"); chosen.empty() && name != nullptr) chosen = name;
  if (chosen.empty()) chosen = address_towards(place.address, place.port);
  try {
    return if_nametoindex(chosen.c_str()) != 0 ? ProcessGroupGloo::createDeviceForInterface(chosen)
                                               : ProcessGroupGloo::createDeviceForHostname(chosen);
  } catch (const std::exception& error) {
    const std::string what = error.what();
    throw ConfigError("workers.interface='" + chosen +
                      "' is neither a network interface nor an address of this host (" +
                      what.substr(0, what.find('\n')) + ")");
  }
}

c10::intrusive_ptr<c10d::Backend> make_gloo_group(const c10::intrusive_ptr<c10d::Store>& store, const std::string& name,
                                                  const GlooDevice& device, int rank, int count,
                                                  double connect_seconds) {
  auto options =
      ProcessGroupGloo::Options::create(std::chrono::milliseconds(static_cast<std::int64_t>(connect_seconds * 1e3)));
  // One device, that is one polling thread, for all workers: with a device each, an average takes five times as long.
  options->devices = {device};
  options->threads = 1;
  auto group =
      c10::make_intrusive<ProcessGroupGloo>(c10::make_intrusive<c10d::PrefixStore>(name, store), rank, count, options);
  group->setTimeout(std::chrono::hours(24 * 365));
  return group;
}

}  // namespace quasar
