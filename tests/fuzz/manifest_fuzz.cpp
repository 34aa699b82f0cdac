#include "distributed/checkpoint/manifest.h"

#include <sstream>

#include "tests/fuzz/fuzz.h"

namespace quasar::fuzz {
namespace {

const InputFile& input_file() {
  static const InputFile file("manifest.json");
  return file;
}

std::string written(const Checkpoint& checkpoint) {
  write_manifest(real_file_system(), checkpoint);
  std::ostringstream text;
  text << std::ifstream(checkpoint.folder / "manifest.json").rdbuf();
  std::filesystem::remove(checkpoint.folder / "manifest.json");
  return text.str();
}

}  // namespace

std::vector<std::string> seeds() {
  Checkpoint checkpoint;
  checkpoint.folder = input_file().folder();
  checkpoint.step = 12;
  checkpoint.loss = 0.25;
  checkpoint.about = {{"position", {{"step", 12}}}, {"nested", {1, 2.5, "x", nullptr}}};
  checkpoint.files = {{"rank-000.safetensors", 100, std::string(64, 'a')}};
  return {written(checkpoint)};
}

void parse(const std::string& input) {
  input_file().holding(input);
  read_manifest(input_file().folder());  // its own hash refuses nearly every change
}

}  // namespace quasar::fuzz
