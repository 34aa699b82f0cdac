#pragma once

#include <memory>
#include <string>

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "distributed/engine/launch_environment.h"

namespace gloo::transport {
class Device;
}

namespace quasar {

using GlooDevice = std::shared_ptr<gloo::transport::Device>;

/// The network on which Gloo's workers meet: an interface's name or an address; empty: loopback if the store is there,
/// else the address from which rank 0's is reached ($GLOO_SOCKET_IFNAME goes first, as with PyTorch).
GlooDevice make_gloo_device(const std::string& interface, const LaunchEnvironment& place);

/// One Gloo group; all its ranks must make it. Connecting is bounded by `connect_seconds`, collectives are not: who waits
/// in them is watched over by Liveness.
c10::intrusive_ptr<c10d::Backend> make_gloo_group(const c10::intrusive_ptr<c10d::Store>& store, const std::string& name,
                                                  const GlooDevice& device, int rank, int count,
                                                  double connect_seconds);

}  // namespace quasar
