// quasar merge: joins the shards of a toy ensemble to the results folder of the whole.

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

#include "core/build_info.h"
#include "core/errors.h"
#include "experiments/commands.h"
#include "experiments/records.h"
#include "experiments/toy_run.h"

namespace quasar {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

/// A finished shard's folder.
struct Shard {
  fs::path folder;
  int index, count;
};

std::string quoted(const fs::path& path) { return "'" + path.string() + "'"; }

Shard open_shard(const fs::path& folder) {
  const json run = read_run_json(folder);
  const json shard = run.value("shard", json());
  if (!shard.is_object())
    throw DataError(quoted(folder) + " holds no shard of an ensemble (quasar toy FILE --shard i/n makes them)");
  if (run.value("status", "") != "done" || !fs::exists(folder / "DONE"))
    throw DataError(quoted(folder) + " is not finished (status " + run.value("status", "unknown") +
                    "); run that shard again, it goes on from where it was saved");
  if (run.at("code").at("code_id") != build_info().code_id)
    throw DataError(quoted(folder) + " is of another build of quasar (" + run.at("code").value("commit", "") +
                    "); merge with the build that ran the shards");
  return {folder, shard.at("index"), shard.at("count")};
}

/// The lines of config.toml by key, without what may differ between the shards of a run.
std::map<std::string, std::string> settings_of(const fs::path& folder) {
  std::map<std::string, std::string> settings;
  std::ifstream in(folder / "config.toml");
  for (std::string line; std::getline(in, line);)
    if (const auto equals = line.find(" = "); equals != std::string::npos)
      settings[line.substr(0, equals)] = line.substr(equals + 3);
  for (const char* key :
       {"ensemble.shard", "ensemble.threads", "ensemble.device", "checkpoint.seconds", "run.name", "run.results"})
    settings.erase(key);
  return settings;
}

void require_same_settings(const fs::path& first, const fs::path& other) {
  const auto expected = settings_of(first), found = settings_of(other);
  if (found == expected) return;
  std::string differences;
  for (const auto& [key, value] : expected)
    if (!found.contains(key) || found.at(key) != value)
      differences += (differences.empty() ? "" : ", ") + key + " = " +
                     (found.contains(key) ? found.at(key) : "(none)") + " instead of " + value;
  for (const auto& [key, value] : found)
    if (!expected.contains(key)) differences += (differences.empty() ? "" : ", ") + key + " = " + value;
  throw DataError(quoted(other) + " is a shard of another run than " + quoted(first) + ": " + differences);
}

/// The shards 0, ..., n - 1 of one run, in order; throws DataError naming what is missing, double or of another run.
std::vector<Shard> open_shards(const std::vector<std::string>& folders) {
  std::vector<Shard> shards;
  for (const auto& folder : folders) shards.push_back(open_shard(fs::path(folder).lexically_normal()));
  const int count = shards.front().count;
  std::vector<std::optional<Shard>> found(static_cast<std::size_t>(count));
  for (const Shard& shard : shards) {
    if (shard.count != count || shard.index < 0 || shard.index >= count)
      throw DataError(quoted(shard.folder) + " is shard " + std::to_string(shard.index) + "/" +
                      std::to_string(shard.count) + ", but " + quoted(shards.front().folder) + " is one of " +
                      std::to_string(count));
    require_same_settings(shards.front().folder, shard.folder);
    auto& place = found[static_cast<std::size_t>(shard.index)];
    if (place)
      throw DataError("shard " + std::to_string(shard.index) + "/" + std::to_string(count) +
                      " is given twice: " + quoted(place->folder) + " and " + quoted(shard.folder));
    place = shard;
  }
  std::string missing;
  std::vector<Shard> result;
  for (int i = 0; i < count; ++i) {
    const auto& place = found[static_cast<std::size_t>(i)];
    if (place)
      result.push_back(*place);
    else
      missing += (missing.empty() ? "" : ", ") + std::to_string(i) + "/" + std::to_string(count);
  }
  if (!missing.empty()) throw DataError("missing: shard " + missing + " of that run; run it and give its folder too");
  return result;
}

/// The settings of the whole run.
Config whole_config(const fs::path& folder) {
  std::ifstream in(folder / "config.toml");
  std::string text;
  for (std::string line; std::getline(in, line);)
    if (!line.starts_with("ensemble.shard = ")) text += line + "\n";
  return Config::from_text(text, (folder / "config.toml").string());
}

/// Reads the shards' records side by side, one time after the other.
class ShardReader {
 public:
  ShardReader(const std::vector<Shard>& shards, const ToyRun& run) : shards_(shards), run_(run) {
    for (const Shard& shard : shards) streams_.emplace_back(file_of(shard));
  }

  /// The shards' records of the next time; empty when all are at their end.
  std::vector<EnsembleRecord> next() {
    std::vector<EnsembleRecord> records;
    ++number_;
    for (std::size_t s = 0; s < shards_.size(); ++s) {
      std::string line;
      if (!std::getline(streams_[s], line)) continue;
      try {
        records.push_back(record_from_json(json::parse(line)));
      } catch (const json::exception& error) {
        fail(s, error.what());
      }
    }
    if (!records.empty() && records.size() < shards_.size())
      throw DataError("the shards in " + quoted(shards_.front().folder) +
                      " and others have different numbers of records");
    std::int64_t block = 0;
    for (std::size_t s = 0; s < records.size(); ++s) check(s, records[s], block);
    return records;
  }

 private:
  static fs::path file_of(const Shard& shard) { return shard.folder / (std::string(kShardSeries) + ".jsonl"); }
  [[noreturn]] void fail(std::size_t shard, const std::string& problem) const {
    throw DataError(quoted(file_of(shards_[shard])) + " line " + std::to_string(number_) + " is damaged: " + problem);
  }

  /// That a record is of this run and begins with this block; then `block` is where it ends.
  void check(std::size_t shard, const EnsembleRecord& record, std::int64_t& block) const {
    const std::size_t numbers = run_.names.observables.size();
    const std::int64_t from = block;
    for (const auto& [subtree, sum] : record.subtrees) {
      if (subtree.level < 0 || subtree.level > 40 || subtree.first() != block) fail(shard, "blocks are missing");
      if (sum.numbers() != numbers || sum.products().size() != numbers * (numbers + 1) / 2)
        fail(shard, "sums are missing");
      block = subtree.end();
    }
    bool fits = block > from && record.values.size() == numbers;
    fits &= record.histograms.size() == run_.histogram_bins.size() + (run_.closed_curve_bins > 0 ? 1 : 0);
    for (std::size_t h = 0; fits && h < record.histograms.size(); ++h) {
      const bool along_curve = h == run_.histogram_bins.size();
      const std::int64_t bins = along_curve ? run_.closed_curve_bins : run_.histogram_bins[h];
      fits = record.histograms[h].bins.size() == static_cast<std::size_t>(bins);
    }
    if (!fits) fail(shard, "values or bins are missing");
  }

  const std::vector<Shard>& shards_;
  const ToyRun& run_;
  std::vector<std::ifstream> streams_;
  std::size_t number_ = 0;
};

}  // namespace

void merge_command(const std::vector<std::string>& folders) {
  const std::vector<Shard> shards = open_shards(folders);
  const fs::path& first = shards.front().folder;
  const Config config = whole_config(first);
  ToyRun run = ToyRun::read(config);
  config.finish();
  const fs::path beside = fs::absolute(first).parent_path();  // results/name
  run.run.name = beside.filename();
  run.run.results = beside.parent_path().lexically_proximate(fs::current_path());
  json about = run.describe(config);
  about["merged_from"] = json::array();
  for (const Shard& shard : shards) about["merged_from"].push_back(shard.folder.string());
  const FinishedRun merged = run_in_folder(config, run.run, about, false, [&](Recorder& recorder) {
    ShardReader reader(shards, run);
    while (true) {
      const auto records = reader.next();
      if (records.empty()) return;
      const EnsembleRecord whole = join_shards(records);
      write_record(recorder, run.names, whole);
      if (whole.left_domain == run.ensemble.replicas ||
          static_cast<double>(whole.left_domain) >
              run.ensemble.max_bad_fraction * static_cast<double>(run.ensemble.replicas))
        throw Diverged("toy ensemble: " + std::to_string(whole.left_domain) + " of " +
                       std::to_string(run.ensemble.replicas) + " replicas of all shards had left by step " +
                       std::to_string(whole.step) + "; try a smaller learning rate");
    }
  });
  print_run(merged, false);
}

}  // namespace quasar
