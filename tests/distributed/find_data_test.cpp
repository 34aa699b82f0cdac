#include "distributed/data/find_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/cache_folder.h"
#include "core/errors.h"
#include "distributed/data/image_classification.h"
#include "tests/distributed/temporary_folder.h"

namespace quasar {
namespace {

namespace fs = std::filesystem;

// A name that shared/data beside the clone cannot hold, so that the machine's own data do not matter.
const std::string kName = "no_such_set";

void put_files(const fs::path& folder, const std::string& suffix = "") {
  for (const char* file :
       {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"})
    write_bytes(folder / (file + suffix), {1});
}

/// Stands in for python3: writes its arguments to `arguments` and, if asked, puts the four files into the cache.
fs::path write_fake_python(const fs::path& folder, bool succeeds) {
  const fs::path file = folder / "python";
  std::ofstream script(file);
  script << "#!/bin/sh\nshift\necho \"$@\" >>" << folder / "arguments"
         << "\n";
  if (succeeds)
    script << "mkdir -p $2/data/$1\nfor f in train-images-idx3 train-labels-idx1 t10k-images-idx3 t10k-labels-idx1\n"
              "do echo x >$2/data/$1/$f-ubyte; done\n";
  else
    script << "exit 1\n";
  script.close();
  fs::permissions(file, fs::perms::owner_all);
  return file;
}

std::string content(const fs::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// All places in one folder, none with data.
class FindData : public testing::Test {
 protected:
  TemporaryFolder folder_;
  fs::path root_ = folder_.path() / "root", data_ = folder_.path() / "data", cache_ = folder_.path() / "cache";
  EnvironmentVariable set_data_{"QUASAR_DATA", data_.string()};
  EnvironmentVariable set_cache_{"QUASAR_CACHE", cache_.string()};
  EnvironmentVariable set_python_{"QUASAR_PYTHON", write_fake_python(folder_.path(), false).string()};
};

TEST_F(FindData, ALibsvmSetIsAFileOfItsName) {
  write_bytes(data_ / "libsvm" / "a9a", {1});
  EXPECT_EQ(find_dataset("a9a", "", Download::never), data_ / "libsvm");
  EXPECT_EQ(find_dataset("w8a", "", Download::never), std::nullopt);
  write_bytes(root_ / "w8a", {1});
  EXPECT_EQ(find_dataset("w8a", root_, Download::never), root_);
}

TEST_F(FindData, RootOfTheConfigComesFirst) {
  put_files(root_ / kName);
  put_files(data_ / kName);
  put_files(cache_ / "data" / kName);
  EXPECT_EQ(find_dataset(kName, root_), root_ / kName);
}

TEST_F(FindData, RootMayBeTheFolderItself) {
  put_files(root_);
  EXPECT_EQ(find_dataset(kName, root_), root_);
}

TEST_F(FindData, RootWithoutTheSetIsAnErrorNotAFallThrough) {
  put_files(data_ / kName);
  try {
    find_dataset(kName, root_);
    FAIL() << "fell through";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("data.root = " + root_.string()));
  }
}

TEST_F(FindData, EnvironmentComesBeforeCache) {
  put_files(data_ / kName);
  put_files(cache_ / "data" / kName);
  EXPECT_EQ(find_dataset(kName, ""), data_ / kName);
}

TEST_F(FindData, CacheComesBeforeDownload) {
  put_files(cache_ / "data" / kName);
  EXPECT_EQ(find_dataset(kName, ""), cache_ / "data" / kName);
  EXPECT_FALSE(fs::exists(folder_.path() / "arguments"));
}

TEST_F(FindData, OneMissingFileMakesASetIncomplete) {
  put_files(data_ / kName);
  fs::remove(data_ / kName / "t10k-labels-idx1-ubyte");
  EXPECT_EQ(find_dataset(kName, "", Download::never), std::nullopt);
}

TEST_F(FindData, PackedFilesAreUnpackedOnceIntoTheCache) {
  put_files(data_ / kName, ".xz");
  const EnvironmentVariable python("QUASAR_PYTHON", write_fake_python(folder_.path(), true).string());
  EXPECT_EQ(find_dataset(kName, "", Download::never), cache_ / "data" / kName);
  EXPECT_EQ(find_dataset(kName, "", Download::never), cache_ / "data" / kName);
  EXPECT_EQ(content(folder_.path() / "arguments"),
            kName + " " + cache_.string() + " --packed " + (data_ / kName).string() + "\n");
}

TEST_F(FindData, DownloadIsLastAndItsFailureIsNotAnError) {
  EXPECT_EQ(find_dataset(kName, "", Download::never), std::nullopt);
  EXPECT_FALSE(fs::exists(folder_.path() / "arguments"));
  EXPECT_EQ(find_dataset(kName, ""), std::nullopt);
  EXPECT_EQ(content(folder_.path() / "arguments"), kName + " " + cache_.string() + "\n");
}

TEST_F(FindData, CacheFolderFollowsTheEnvironment) {
  EXPECT_EQ(cache_folder(), cache_);
  const EnvironmentVariable no_cache("QUASAR_CACHE", std::nullopt);
  const EnvironmentVariable xdg("XDG_CACHE_HOME", "/some/where");
  EXPECT_EQ(cache_folder(), "/some/where/quasar");
  const EnvironmentVariable no_xdg("XDG_CACHE_HOME", std::nullopt);
  const EnvironmentVariable home("HOME", "/home/me");
  EXPECT_EQ(cache_folder(), "/home/me/.cache/quasar");
}

const std::vector<std::string> kCifarBatches = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                                "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};

void put_cifar(const fs::path& folder) {
  for (const std::string& file : kCifarBatches) write_bytes(folder / file, {1});
}

TEST_F(FindData, Cifar10IsFoundByItsOwnFilesAlsoInTheOfficialFolder) {
  for (const char* place : {"", "cifar10", "cifar-10-batches-bin", "cifar10/cifar-10-batches-bin"}) {
    const TemporaryFolder folder;
    put_cifar(folder.path() / place);
    EXPECT_EQ(fs::weakly_canonical(find_dataset("cifar10", folder.path()).value()),
              fs::weakly_canonical(folder.path() / place));
    fs::remove(folder.path() / place / "data_batch_4.bin");
    EXPECT_THROW(find_dataset("cifar10", folder.path()), DataError);
  }
  put_files(root_ / "cifar10");
  EXPECT_THROW(find_dataset("cifar10", root_), DataError) << "idx files are another set's";
}

TEST_F(FindData, PackedCifar10IsUnpackedByTheScript) {
  for (const char* file : {"train_1.jxl", "train_2.jxl", "train_3.jxl", "train_4.jxl", "train_5.jxl", "test.jxl"})
    write_bytes(root_ / "cifar10" / file, {1});
  EXPECT_THROW(find_dataset("cifar10", root_), DataError);
  EXPECT_FALSE(fs::exists(folder_.path() / "arguments")) << "without labels.u8 nothing is packed there";
  write_bytes(root_ / "cifar10/labels.u8", {1});
  EXPECT_THROW(find_dataset("cifar10", root_), DataError);
  EXPECT_EQ(content(folder_.path() / "arguments"),
            "cifar10 " + cache_.string() + " --packed " + (root_ / "cifar10").string() + "\n");
  put_cifar(cache_ / "data/cifar10");
  EXPECT_EQ(find_dataset("cifar10", root_), cache_ / "data/cifar10");
}

TEST_F(FindData, RealScriptRefusesPackedFilesThatAreNotTheSet) {
  const EnvironmentVariable python("QUASAR_PYTHON", std::nullopt);
  put_files(data_ / "mnist", ".xz");
  put_files(root_ / "mnist", ".xz");
  EXPECT_THROW(find_dataset("mnist", root_), DataError);
  EXPECT_FALSE(fs::exists(cache_ / "data/mnist/train-images-idx3-ubyte"));
}

}  // namespace
}  // namespace quasar
