#include "experiments/toy_records.h"

#include <cmath>
#include <limits>

#include "experiments/records.h"

namespace quasar {
namespace {

using nlohmann::json;

json observable_to_json(const EnsembleRecord& record, std::size_t o) {
  json result = to_json(record.observables[o]);
  if (record.values.empty()) return result;
  const char* const names[] = {"q05", "q25", "q50", "q75", "q95"};
  const auto found = record.values[o].quantiles({0.05, 0.25, 0.5, 0.75, 0.95});
  for (std::size_t i = 0; i < found.size(); ++i) result[names[i]] = found[i];
  return result;
}

json covariances(const EnsembleRecord& record) {
  json matrix = json::array();
  for (std::size_t i = 0; i < record.moments.numbers(); ++i) {
    matrix.push_back(json::array());
    for (std::size_t j = 0; j < record.moments.numbers(); ++j) matrix[i].push_back(record.moments.covariance(i, j));
  }
  return matrix;
}

std::vector<double> doubles(const json& list) {  // what was not finite has become null
  std::vector<double> result;
  for (const json& value : list)
    result.push_back(value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>());
  return result;
}

}  // namespace

void write_record(Recorder& recorder, const ToyNames& names, const EnsembleRecord& record) {
  const json when = {{"slow_time", record.slow_time}, {"step", record.step}};
  const auto with = [&](json more) {
    more.update(when);
    return more;
  };
  json values;
  for (std::size_t o = 0; o < names.observables.size(); ++o)
    values[names.observables[o]] = observable_to_json(record, o);
  json line = with({{"round", record.round}, {"replicas_that_left", record.left_domain}, {"observables", values}});
  if (record.left_domain > 0) line["left"] = record.left;
  recorder.record("observables", line);
  if (names.observables.size() > 1)
    recorder.record("covariances", with({{"observables", names.observables}, {"covariance", covariances(record)}}));
  for (std::size_t h = 0; h < names.histograms.size(); ++h) {
    const auto& [observable, low, high] = names.histograms[h];
    const HistogramCounts& counts = record.histograms[h];
    recorder.record("observable_histograms", with({{"observable", observable},
                                                   {"low", low},
                                                   {"high", high},
                                                   {"below", counts.below},
                                                   {"above", counts.above},
                                                   {"counts", counts.bins}}));
  }
  if (names.closed_curve)
    recorder.record("histograms", with({{"coordinate", names.closed_curve->coordinate},
                                        {"low", names.closed_curve->low},
                                        {"period", names.closed_curve->period},
                                        {"counts", record.histograms.back().bins}}));
  if (names.paths) {
    json positions = json::array();  // null where a replica has left
    for (const auto& path : record.paths) positions.push_back(path.empty() ? json() : json(path));
    recorder.record("paths", with({{"positions", positions}}));
  }
}

json to_json(const EnsembleRecord& record) {
  json subtrees = json::array(), values = json::array(), histograms = json::array();
  for (const auto& [subtree, sum] : record.subtrees)
    subtrees.push_back({{"level", subtree.level},
                        {"index", subtree.index},
                        {"n", sum.count()},
                        {"mean", sum.mean()},
                        {"products", sum.products()}});
  for (const RoundedSample& sample : record.values) values.push_back(sample.bins());
  for (const HistogramCounts& counts : record.histograms)
    histograms.push_back({{"below", counts.below}, {"above", counts.above}, {"bins", counts.bins}});
  return {{"step", record.step},
          {"round", record.round},
          {"slow_time", record.slow_time},
          {"left_domain", record.left_domain},
          {"left", record.left},
          {"subtrees", subtrees},
          {"values", values},
          {"histograms", histograms},
          {"paths", record.paths}};
}

EnsembleRecord record_from_json(const json& line) {
  EnsembleRecord record;
  record.step = line.at("step");
  record.round = line.at("round");
  record.slow_time = line.at("slow_time");
  record.left_domain = line.at("left_domain");
  record.left = line.at("left").get<std::vector<std::int64_t>>();
  for (const json& item : line.at("subtrees"))
    record.subtrees.push_back(
        {{item.at("level"), item.at("index")}, {item.at("n"), doubles(item.at("mean")), doubles(item.at("products"))}});
  for (const json& bins : line.at("values")) {
    record.values.emplace_back();
    record.values.back().merge(bins.get<std::vector<RoundedSample::Bin>>());
  }
  for (const json& item : line.at("histograms"))
    record.histograms.push_back({item.at("bins").get<std::vector<std::int64_t>>(), item.at("below"), item.at("above")});
  for (const json& path : line.at("paths")) record.paths.push_back(doubles(path));
  return record;
}

}  // namespace quasar
