#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/recorder.h"
#include "toy_models/ensemble_record.h"

namespace quasar {

/// What the numbers of an EnsembleRecord are called: all that writing it needs beside it.
struct ToyNames {
  struct Histogram {
    std::string observable;
    double low, high;
  };
  struct ClosedCurve {
    std::string coordinate;
    double low, period;
  };
  std::vector<std::string> observables;
  std::vector<Histogram> histograms;
  std::optional<ClosedCurve> closed_curve;  ///< of the last histogram, if there is one along the manifold
  bool paths = false;
};

/// Writes a record: a line of the series observables and, where asked for, covariances, histograms,
/// observable_histograms and paths.
void write_record(Recorder& recorder, const ToyNames& names, const EnsembleRecord& record);

/// A shard's record, whole, as one line of the series `kShardSeries`; doubles come back to the bit.
inline constexpr const char* kShardSeries = "shard";
nlohmann::json to_json(const EnsembleRecord& record);
/// Its sums are in `subtrees` alone, for join_shards(). Throws nlohmann::json::exception if it is not of that form.
/// Not checked: that the numbers fit together.
EnsembleRecord record_from_json(const nlohmann::json& json);

}  // namespace quasar
