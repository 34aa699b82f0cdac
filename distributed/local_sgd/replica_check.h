#pragma once

#include <cstdint>

#include "distributed/engine/workers.h"
#include "distributed/local_sgd/objective.h"

namespace quasar {

/// Throws PeerError on all processes, naming the ranks and their first tensor that differs from rank 0's, unless all
/// have the same parameters bit for bit, as they must after an average.
///
/// cost  one pass over the parameters and one collective of 8 bytes
void require_equal_replicas(Worker& worker, Objective& objective, std::int64_t step);

/// The fault `flip`: turns the lowest bit of the number in the middle of a flat tensor on the CPU.
void flip_a_bit(at::Tensor& parameters);

}  // namespace quasar
