#pragma once

#include <string>
#include <vector>

#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "distributed/engine/launch_environment.h"
#include "distributed/engine/liveness.h"

namespace quasar {

using StorePointer = c10::intrusive_ptr<c10d::Store>;

/// A served TCPStore, which ends with this object.
struct ServedStore {
  StorePointer store;
  int port = 0;
};

/// Serves the store on one address only, at a port the kernel chooses if `port` is 0.
ServedStore serve_store(const std::string& address, int port);
/// A new connection, under the keys of this attempt; PeerError if nobody serves it within the time.
StorePointer connect_store(const LaunchEnvironment& place, double seconds);
/// The keys of one attempt in a store that outlives it.
StorePointer keys_of_attempt(const StorePointer& store, int attempt);

/// All ranks of one run meet: returns everybody's host. Fails, naming the ranks, if one is missing after the time, if two
/// have one rank, or if they disagree about WORLD_SIZE.
std::vector<std::string> meet(const StorePointer& store, const LaunchEnvironment& place, double seconds);

/// Sightings and failures travel as these keys; every rank makes its own in `meet`, so that none is ever waited for.
std::string pulse_key(int rank);
std::string exit_key(int rank);  ///< written by our launcher when a child ends: how
std::string to_text(const Sighting& sighting);
Sighting sighting_from(const std::string& text);

/// Notes a failure unless one is there; returns the one that counts.
Failure note_failure(c10d::Store& store, const Failure& failure);
Failure noted_failure(c10d::Store& store);
/// The failure noted as a key's text; one without message if the text is empty.
Failure failure_from(const std::string& text);
/// This process will not use the store again: whoever serves it may end when all have said so.
void note_departure(c10d::Store& store);
void wait_for_departures(c10d::Store& store, double seconds);
inline constexpr const char* kFailureKey = "failed";

std::string host_name();

}  // namespace quasar
