#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/errors.h"
#include "tests/distributed/checkpoint_for_tests.h"

namespace quasar {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// An old checkpoint, of step 1, and a newer one, whose files get damaged.
class CheckpointDamage : public testing::Test {
 protected:
  CheckpointDamage() {
    CheckpointFolder folder(run_.path());
    save(folder, 1, 1);
    old_ = newest_hash(run_.path());
    save(folder, 2, 2);
    new_ = newest_hash(run_.path());
  }

  fs::path newer() const { return run_.path() / "checkpoints/step-00000002"; }

  /// Whether the damage was refused; where it was not, nothing that is loaded may differ.
  bool refuses(const std::string& name, const std::string& bytes) {
    write_text(newer() / name, bytes);
    std::vector<std::string> warnings;
    const std::string hash = newest_hash(run_.path(), &warnings);
    if (hash == new_ && warnings.empty()) return false;
    EXPECT_EQ(hash, old_);
    EXPECT_THAT(warnings, testing::ElementsAre(HasSubstr((newer() / name).string())));
    return true;
  }

  MemoryFolder run_;
  std::string old_, new_;
};

TEST_F(CheckpointDamage, OldAndNewDiffer) {
  EXPECT_NE(old_, "none");
  EXPECT_NE(old_, new_);
}

TEST_F(CheckpointDamage, EveryFlippedByteIsRefusedOrWithoutEffect) {
  for (const std::string name : {"manifest.json", "model.safetensors", "rank-000.safetensors"}) {
    const std::string whole = read_text(newer() / name);
    int harmless = 0;
    for (std::size_t i = 0; i < whole.size(); ++i)
      for (const int mask : {0xff, 1 << (i % 8)}) {
        std::string bytes = whole;
        bytes[i] = static_cast<char>(bytes[i] ^ mask);
        const bool refused = refuses(name, bytes);
        harmless += refused ? 0 : 1;
      }
    // In a manifest a space may become another kind of space.
    EXPECT_LE(harmless, name == "manifest.json" ? 40 : 0) << name;
    write_text(newer() / name, whole);
  }
}

TEST_F(CheckpointDamage, EveryTruncationIsRefused) {
  for (const std::string name : {"manifest.json", "model.safetensors", "rank-000.safetensors"}) {
    const std::string whole = read_text(newer() / name);
    for (std::size_t length = 0; length < whole.size(); ++length) {
      const bool last_newline = name == "manifest.json" && length + 1 == whole.size();
      EXPECT_EQ(refuses(name, whole.substr(0, length)), !last_newline) << name << " cut to " << length;
    }
    EXPECT_TRUE(refuses(name, whole + "x")) << name;
    write_text(newer() / name, whole);
  }
}

TEST_F(CheckpointDamage, MissingOrExchangedFilesAreRefused) {
  const std::string model = read_text(newer() / "model.safetensors");
  EXPECT_TRUE(refuses("model.safetensors", read_text(run_.path() / "checkpoints/step-00000001/model.safetensors")));
  write_text(newer() / "model.safetensors", model);
  EXPECT_EQ(newest_hash(run_.path()), new_);
  fs::remove(newer() / "rank-000.safetensors");
  std::vector<std::string> warnings;
  EXPECT_EQ(newest_hash(run_.path(), &warnings), old_);
  EXPECT_THAT(warnings.at(0), HasSubstr("rank-000.safetensors: is missing"));
}

TEST_F(CheckpointDamage, FileIsCheckedAgainWhenItIsRead) {
  const auto checkpoint = CheckpointFolder(run_.path()).open(2);
  std::string bytes = read_text(newer() / "model.safetensors");
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  write_text(newer() / "model.safetensors", bytes);
  EXPECT_THROW(checkpoint.read("model.safetensors"), CheckpointError);
  EXPECT_THROW(checkpoint.read("nothing"), CheckpointError);
}

TEST_F(CheckpointDamage, CheckpointUnderAnotherStepsNameIsRefused) {
  fs::rename(newer(), run_.path() / "checkpoints/step-00000003");
  std::vector<std::string> warnings;
  EXPECT_EQ(newest_hash(run_.path(), &warnings), old_);
  EXPECT_THAT(warnings.at(0), HasSubstr("holds step 2"));
}

}  // namespace
}  // namespace quasar
