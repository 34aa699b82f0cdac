#include "core/run_lock.h"

#include <array>
#include <cerrno>
#include <iostream>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/errors.h"

namespace quasar {
namespace {

std::string this_process() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host = {'?'};
  return "process " + std::to_string(::getpid()) + " on " + host.data();
}

std::string holder(int descriptor) {
  std::array<char, 512> text{};
  const ssize_t bytes = ::pread(descriptor, text.data(), text.size(), 0);
  std::string said(text.data(), bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
  while (said.ends_with('\n')) said.pop_back();
  return said.empty() ? "another process" : said;
}

}  // namespace

RunLock::RunLock(const std::filesystem::path& run_folder) {
  std::error_code error;
  std::filesystem::create_directories(run_folder, error);
  const std::filesystem::path file = run_folder / ".lock";
  descriptor_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0)
    throw StorageError("cannot create '" + file.string() + "': " + std::generic_category().message(errno));
  int failed;
  while ((failed = ::flock(descriptor_, LOCK_EX | LOCK_NB)) != 0 && errno == EINTR) {
  }
  if (failed != 0 && errno == EWOULDBLOCK) {
    const std::string who = holder(descriptor_);
    ::close(descriptor_);
    throw ConfigError("'" + run_folder.string() + "' is in use by " + who +
                      "; wait for it, stop it, or choose another" + " folder");
  }
  // A file system without locks is no reason not to run on it.
  if (failed != 0)
    std::cerr << "warning: '" << file.string() << "' cannot be locked (" << std::generic_category().message(errno)
              << "); make sure that no other process uses this folder\n";
  const std::string text = this_process() + "\n";
  if (::ftruncate(descriptor_, 0) != 0 || ::pwrite(descriptor_, text.data(), text.size(), 0) < 0) {
    // The lock holds all the same; only its message will be poorer.
  }
}

RunLock::~RunLock() { ::close(descriptor_); }

}  // namespace quasar
