#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "experiments/comparison.h"
#include "experiments/run_folder.h"

namespace quasar {

/// Collects `key = value` lines of a part's configuration.
class Settings {
 public:
  template <class T>
  Settings& set(const std::string& key, const T& value) {
    std::ostringstream line;
    line.precision(17);
    line << key << " = " << value << "\n";
    text_ += line.str();
    return *this;
  }
  Settings& set(const std::string& key, const std::string& value) {
    text_ += key + " = '" + value + "'\n";
    return *this;
  }
  Settings& set(const std::string& key, const char* value) { return set(key, std::string(value)); }
  Settings& set(const std::string& key, bool value) {
    text_ += key + (value ? " = true\n" : " = false\n");
    return *this;
  }
  Settings with_rest_of(const std::string& more) const {
    Settings copy = *this;
    copy.text_ += more;
    return copy;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// run.* of a part: its name, the comparison's results folder and seed.
Settings part_settings(const RunOptions& run, const std::string& name);

/// One run that a comparison needs: a whole configuration of `quasar sde`, `toy`, `convex` or `train`.
struct PartRun {
  std::string panel, regime, command, config;
};

/// Runs the parts that are not yet there and reads their folders; a part that this binary cannot run is said and left out.
std::vector<Part> run_parts(const std::vector<PartRun>& parts, bool dry_run = false);

}  // namespace quasar
