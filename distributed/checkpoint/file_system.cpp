#include "distributed/checkpoint/file_system.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/errors.h"

namespace quasar {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(int error, const std::string& what, const fs::path& path) {
  throw StorageError("cannot " + what + " '" + path.string() + "': " + std::generic_category().message(error));
}

/// Calls a function of the system again for as long as a signal interrupts it.
template <class Call>
auto uninterrupted(const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class RealFile final : public OutputFile {
 public:
  RealFile(fs::path path, std::int64_t expected_bytes)
      : path_(std::move(path)), expected_bytes_(expected_bytes), descriptor_(uninterrupted([&] {
          return ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        })) {
    if (descriptor_ < 0) fail_naming_room(errno, "create");
  }
  ~RealFile() override {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  RealFile(const RealFile&) = delete;
  RealFile& operator=(const RealFile&) = delete;

  void write(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {  // a write may be short, and one call moves at most 2 GiB
      const ssize_t written = uninterrupted([&] { return ::write(descriptor_, bytes.data(), bytes.size()); });
      if (written < 0) fail_naming_room(errno, "write");
      if (written == 0) fail_naming_room(ENOSPC, "write");
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  void sync() override {
    if (sync_error_ == 0 && uninterrupted([&] { return ::fsync(descriptor_); }) != 0) sync_error_ = errno;
    if (sync_error_ != 0) fail_naming_room(sync_error_, "bring to disk");
  }

  void close() override {
    const int descriptor = descriptor_;
    descriptor_ = -1;
    // An interrupted close has closed all the same.
    if (::close(descriptor) != 0 && errno != EINTR) fail_naming_room(errno, "close");
  }

 private:
  [[noreturn]] void fail_naming_room(int error, const std::string& what) const {
    if (error != ENOSPC && error != EDQUOT) fail(error, what, path_);
    struct statvfs disk {};
    const bool known = ::statvfs(path_.parent_path().c_str(), &disk) == 0;
    throw StorageError("cannot " + what + " '" + path_.string() + "': " + std::generic_category().message(error) +
                       "; the file needs " + std::to_string(expected_bytes_) + " bytes, " +
                       (known ? std::to_string(disk.f_bavail * disk.f_frsize) : std::string("an unknown number")) +
                       " are free there. Make room or choose another folder");
  }

  fs::path path_;
  std::int64_t expected_bytes_;
  int descriptor_;
  int sync_error_ = 0;
};

class RealFileSystem final : public FileSystem {
 public:
  std::unique_ptr<OutputFile> create(const fs::path& file, std::int64_t expected_bytes) override {
    return std::make_unique<RealFile>(file, expected_bytes);
  }

  void create_folder(const fs::path& folder) override {
    if (::mkdir(folder.c_str(), 0777) != 0) fail(errno, "create the folder", folder);
  }

  void sync_folder(const fs::path& folder) override {
    const int descriptor = uninterrupted([&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (descriptor < 0) fail(errno, "open the folder", folder);
    const int error = uninterrupted([&] { return ::fsync(descriptor); }) == 0 ? 0 : errno;
    ::close(descriptor);
    // EINVAL: a file system without an fsync for folders; there is nothing more to ask of it.
    if (error != 0 && error != EINVAL) fail(error, "bring to disk the folder", folder);
  }

  void rename(const fs::path& from, const fs::path& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) fail(errno, "rename to '" + to.filename().string() + "'", from);
  }

  void remove(const fs::path& path) override {
    if (std::remove(path.c_str()) != 0) fail(errno, "remove", path);
  }

  std::vector<std::string> list(const fs::path& folder) override {
    std::error_code error;
    std::vector<std::string> names;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
      names.push_back(entry->path().filename().string());
    if (error) fail(error.value(), "list", folder);
    std::sort(names.begin(), names.end());
    return names;
  }
};

}  // namespace

FileSystem& real_file_system() {
  static RealFileSystem real;
  return real;
}

void remove_folder(FileSystem& files, const fs::path& folder) {
  for (const std::string& name : files.list(folder)) files.remove(folder / name);
  files.remove(folder);
}

}  // namespace quasar
