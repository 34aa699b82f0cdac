#include <algorithm>
#include <array>
#include <cstdio>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "core/subprocess.h"
#include "tests/distributed/temporary_folder.h"

namespace quasar {
namespace {

namespace fs = std::filesystem;

struct Answer {
  int status;
  std::string text;
};

/// Runs a shell command with a deadline; its exit code, stdout and stderr.
Answer run(const std::string& command) {
  FILE* pipe = popen(("timeout 60 " + command + " 2>&1").c_str(), "r");
  std::string text;
  std::array<char, 256> buffer;
  while (std::fgets(buffer.data(), buffer.size(), pipe) != nullptr) text += buffer.data();
  return {WEXITSTATUS(pclose(pipe)), text};
}

std::string script() { return QUASAR_SOURCE_DIR "/distributed/data/fetch_dataset.py"; }

std::vector<std::string> everything_below(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) names.push_back(entry.path().string());
  std::sort(names.begin(), names.end());
  return names;
}

/// A folder with what looks like packed CIFAR-10, and a cache.
class FetchCifar : public testing::Test {
 protected:
  /// Runs the script with this PATH (empty: as it is).
  Answer fetch(const std::string& path = "") const {
    const std::string program =
        "import os,runpy,sys; os.environ[\"PATH\"]=sys.argv.pop(1) or os.environ[\"PATH\"]; "
        "sys.argv.pop(0); runpy.run_path(sys.argv[0], run_name=\"__main__\")";
    return run(python_interpreter() + " -c '" + program + "' '" + path + "' " + script() + " cifar10 " +
               cache_.string() + " --packed " + packed_.string());
  }
  void put_mosaics(std::size_t labels) const {
    for (const char* file : {"train_1", "train_2", "train_3", "train_4", "train_5", "test"})
      write_bytes(packed_ / (std::string(file) + ".jxl"), {1, 2, 3});
    write_bytes(packed_ / "labels.u8", std::vector<std::uint8_t>(labels));
  }
  /// Stands in for djxl: a shell script; the PATH that finds it.
  std::string with_djxl(const std::string& body) const {
    const fs::path file = folder_.path() / "bin/djxl";
    fs::create_directories(file.parent_path());
    std::ofstream(file) << "#!/bin/sh\n" << body << "\n";
    fs::permissions(file, fs::perms::owner_all);
    return file.parent_path().string() + ":/usr/bin:/bin";
  }
  TemporaryFolder folder_;
  fs::path packed_ = folder_.path() / "packed", cache_ = folder_.path() / "cache";
};

TEST_F(FetchCifar, MissingDjxlIsNamedWithItsPackage) {
  put_mosaics(60'000);
  const Answer answer = fetch("/nowhere");
  EXPECT_EQ(answer.status, 1);
  EXPECT_THAT(answer.text, testing::HasSubstr("djxl is missing: apt-get install libjxl-tools"));
  EXPECT_FALSE(fs::exists(cache_ / "data/cifar10/data_batch_1.bin"));
}

TEST_F(FetchCifar, DamagedPartsAreNamed) {
  put_mosaics(59'999);
  EXPECT_THAT(fetch().text, testing::HasSubstr("labels.u8 has 59999 bytes, expected 60000"));
  put_mosaics(60'000);
  EXPECT_THAT(
      fetch(with_djxl("echo 'bad codestream' >&2; exit 1")).text,
      testing::AllOf(testing::HasSubstr("could not decode"), testing::HasSubstr("train_1.jxl: bad codestream")));
  EXPECT_THAT(fetch(with_djxl("printf 'P6\\n16 16\\n255\\n' >\"$2\"")).text,
              testing::HasSubstr("train_1.jxl is not a picture of 3200 x 3200 pixels"));
  EXPECT_THAT(fetch(with_djxl("{ printf 'P6\\n3200 3200\\n255\\n'; head -c 30720000 /dev/zero; } >\"$2\"")).text,
              testing::HasSubstr("data_batch_1.bin has SHA-256"));
  EXPECT_FALSE(fs::exists(cache_ / "data/cifar10/data_batch_1.bin"));
}

TEST_F(FetchCifar, AnotherArchiveIsRefusedBeforeItIsRead) {
  write_bytes(packed_ / "cifar-10-binary.tar.gz", {0x1f, 0x8b, 8, 0});
  EXPECT_THAT(fetch().text, testing::HasSubstr("cifar-10-binary.tar.gz has SHA-256"));
}

TEST(FetchArchive, MembersAreReadAndNeverUnpackedByName) {
  // The corpus: paths that lead out, absolute ones, links, devices, wrong sizes, one member twice.
  const TemporaryFolder folder;
  const fs::path program = folder.path() / "corpus.py";
  std::ofstream(program) << R"(
import gzip, io, os, sys, tarfile
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import fetch_dataset as fetch
fetch.CIFAR_BATCH = 5
names = list(fetch.SHA256["cifar10"])
def member(name, content=b"12345", kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(content)
    return info, content
def archive(members):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as out:
        for info, content in members: out.addfile(info, io.BytesIO(content))
    return raw.getvalue()
good = [member("cifar-10-batches-bin/" + name) for name in names]
def answer(members):
    try: return sorted(dict(fetch.archive_members(archive(members))))
    except Exception as error: return type(error).__name__ + ": " + str(error)
assert answer(good) == sorted(names), answer(good)
strangers = [member("../../escaped"), member("/tmp/absolute"), member("x", b"", tarfile.CHRTYPE)]
assert answer(strangers + good) == sorted(names)
kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE)
for bad in [good[1:]] + [[member("a/" + names[0], b"", kind, "/etc/passwd")] + good[1:] for kind in kinds]:
    assert answer(bad).startswith("ValueError") and "only 5 of the six" in answer(bad), answer(bad)
assert "has 6 bytes or comes twice" in answer([member("a/" + names[0], b"123456")] + good[1:])
assert "or comes twice" in answer(good + good[:1])
for cut in (10, 50, 100):
    try: list(fetch.archive_members(archive(good)[:cut])); print("accepted a cut archive", cut)
    except (OSError, EOFError, ValueError, tarfile.TarError, fetch.zlib.error): pass
print("corpus done")
)";
  const auto before = everything_below(folder.path());
  const Answer answer = run("env -C " + folder.path().string() + " " + python_interpreter() + " " + program.string() +
                            " " + fs::path(script()).parent_path().string());
  EXPECT_EQ(answer.text, "corpus done\n");
  EXPECT_EQ(everything_below(folder.path()), before) << "something was written";
}

}  // namespace
}  // namespace quasar
