#include "distributed/engine/flight_ring.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace quasar {

std::size_t FlightRing::begin(const Flight& flight) {
  const std::lock_guard lock(mutex_);
  entries_[begun_++ % entries_.size()] = {flight, now(), -1.0};
  return begun_;
}

void FlightRing::end(std::size_t begun) {
  const std::lock_guard lock(mutex_);
  // One that ended after 64 others began has lost its place.
  if (begun_ - begun < entries_.size()) entries_[(begun - 1) % entries_.size()].end = now();
}

nlohmann::json FlightRing::to_json() const {
  const std::lock_guard lock(mutex_);
  auto record = nlohmann::json::array();
  for (std::size_t i = begun_ - std::min(begun_, entries_.size()); i < begun_; ++i) {
    const auto& [flight, start, end] = entries_[i % entries_.size()];
    record.push_back({{"number", flight.number},
                      {"kind", flight.kind},
                      {"type", flight.type},
                      {"size", flight.size},
                      {"purpose", flight.purpose},
                      {"step", flight.step},
                      {"start", start},
                      {"end", end < 0.0 ? nlohmann::json() : nlohmann::json(end)}});
  }
  return record;
}

}  // namespace quasar
