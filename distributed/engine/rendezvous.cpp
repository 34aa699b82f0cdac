#include "distributed/engine/rendezvous.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <sstream>
#include <thread>

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

#include "core/errors.h"

namespace quasar {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1e3));
}

std::string host_key(int rank) { return "host/" + std::to_string(rank); }

/// A socket of our own, since a store's own would accept from every interface.
int listening_socket(const std::string& address, int port) {
  const std::string where = address + ":" + std::to_string(port);
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (const int error = getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found); error != 0)
    throw ConfigError("MASTER_ADDR='" + address + "' is no host name or address: " + gai_strerror(error));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  int error = 0;
  for (const addrinfo* candidate = found; candidate != nullptr; candidate = candidate->ai_next) {
    const int socket = ::socket(candidate->ai_family, candidate->ai_socktype | SOCK_CLOEXEC, candidate->ai_protocol);
    if (socket < 0) continue;
    const int on = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (::bind(socket, candidate->ai_addr, candidate->ai_addrlen) == 0 && ::listen(socket, 1024) == 0) return socket;
    error = errno;
    ::close(socket);
  }
  if (error == EADDRINUSE)
    throw ConfigError("the port " + where + " is taken; set MASTER_PORT to a free one for all ranks");
  if (error == EADDRNOTAVAIL)
    throw ConfigError("MASTER_ADDR='" + address + "' is no address of " + host_name() +
                      ", where rank 0 runs and serves the store; set it to rank 0's host for all ranks");
  throw ConfigError("cannot listen on " + where + ": " + std::strerror(error));
}

}  // namespace

std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof(name) - 1);
  return name;
}

StorePointer keys_of_attempt(const StorePointer& store, int attempt) {
  return c10::make_intrusive<c10d::PrefixStore>("quasar/" + std::to_string(attempt), store);
}

ServedStore serve_store(const std::string& address, int port) {
  c10d::TCPStoreOptions options;
  options.isServer = true;
  options.waitWorkers = false;
  options.masterListenFd = listening_socket(address, port);
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  ::getsockname(*options.masterListenFd, reinterpret_cast<sockaddr*>(&bound), &size);
  options.port = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(bound).sin6_port
                                                   : reinterpret_cast<const sockaddr_in&>(bound).sin_port);
  auto store = c10::make_intrusive<c10d::TCPStore>(address, options);
  return {store, options.port};
}

StorePointer connect_store(const LaunchEnvironment& place, double seconds) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(place.port);
  options.waitWorkers = false;
  options.timeout = milliseconds(seconds);
  try {
    return keys_of_attempt(c10::make_intrusive<c10d::TCPStore>(place.address, options), place.attempt);
  } catch (const std::exception& error) {
    const std::string what = error.what();
    throw PeerError("rank " + std::to_string(place.rank) + ": no store at " + place.address + ":" +
                    std::to_string(place.port) + " within " + std::to_string(seconds) + " s (" +
                    what.substr(0, what.find('\n')) + "); is " + (place.store_is_served ? "the launcher" : "rank 0") +
                    " running, and are MASTER_ADDR and MASTER_PORT right?");
  }
}

std::vector<std::string> meet(const StorePointer& store, const LaunchEnvironment& place, double seconds) {
  const auto start = Clock::now();
  const auto fail = [&](auto error) {
    note_failure(*store, {place.rank, error.what()});
    throw error;
  };
  const std::string rank = std::to_string(place.rank), world = std::to_string(place.world_size);
  store->compareSet(kFailureKey, "", "");
  store->add("arrivals", 1);
  const std::string me = "host " + host_name() + ", process " + std::to_string(::getpid());
  if (const std::string first = store->compareSet("world_size", "", world + " at rank " + rank + " (" + me + ")");
      first.substr(0, first.find(' ')) != world)
    fail(ConfigError("WORLD_SIZE is " + world + " at rank " + rank + " (" + me + ") but " + first));
  if (const std::string first = store->compareSet("joined/" + rank, "", me); first != me)
    fail(ConfigError("two processes have RANK=" + rank + ": " + first + ", and " + me));
  store->set(pulse_key(place.rank), to_text({}));
  store->compareSet(exit_key(place.rank), "", "");
  store->set(host_key(place.rank), host_name());

  for (;;) {
    if (const Failure failure = noted_failure(*store); !failure.message.empty())
      throw PeerError("peer " + std::to_string(failure.rank) + " failed: " + failure.message);
    std::string missing;
    std::vector<std::string> keys;
    for (int other = 0; other < place.world_size; ++other) {
      keys.push_back(host_key(other));
      if (!store->check({keys.back()})) missing += (missing.empty() ? "" : ", ") + std::to_string(other);
    }
    if (missing.empty()) {
      std::vector<std::string> hosts;
      for (const auto& value : store->multiGet(keys)) hosts.emplace_back(value.begin(), value.end());
      return hosts;
    }
    if (seconds_since(start) > seconds)
      fail(PeerError("of " + world + " ranks these did not come to " + place.address + ":" +
                     std::to_string(place.port) + " within " + std::to_string(seconds) + " s: " + missing));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

std::string pulse_key(int rank) { return "pulse/" + std::to_string(rank); }
std::string exit_key(int rank) { return "exited/" + std::to_string(rank); }

std::string to_text(const Sighting& sighting) {
  std::ostringstream text;
  text << sighting.ticks << ' ' << sighting.step << ' ' << sighting.collectives << ' ' << sighting.waiting << ' '
       << sighting.done << ' ' << sighting.collective;
  return text.str();
}

Sighting sighting_from(const std::string& text) {
  Sighting sighting;
  std::istringstream in(text);
  in >> sighting.ticks >> sighting.step >> sighting.collectives >> sighting.waiting >> sighting.done;
  std::getline(in >> std::ws, sighting.collective);
  return sighting;
}

Failure failure_from(const std::string& text) {
  Failure failure;
  std::istringstream in(text);
  in >> failure.rank;
  std::getline(in >> std::ws, failure.message, '\0');
  return failure;
}

Failure note_failure(c10d::Store& store, const Failure& failure) {
  return failure_from(store.compareSet(kFailureKey, "", std::to_string(failure.rank) + " " + failure.message));
}

void note_departure(c10d::Store& store) { store.add("departures", 1); }

void wait_for_departures(c10d::Store& store, double seconds) {
  const auto start = Clock::now();
  while (store.add("departures", 0) < store.add("arrivals", 0) && seconds_since(start) < seconds)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

Failure noted_failure(c10d::Store& store) { return failure_from(store.compareSet(kFailureKey, "", "")); }

}  // namespace quasar
