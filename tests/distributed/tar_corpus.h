#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <archive.h>
#include <archive_entry.h>

namespace quasar {

/// A member of a tar file that a test writes.
struct TarMember {
  std::string name, bytes = "";
  unsigned type = AE_IFREG;
  std::string link = "";  ///< symbolic, or hard with type AE_IFREG
  bool sparse = false;    ///< with a hole before its bytes
};

/// Writes a tar file by libarchive (pax, which writes ustar wherever that does).
inline void write_tar(const std::filesystem::path& file, const std::vector<TarMember>& members) {
  std::filesystem::create_directories(file.parent_path());
  const std::unique_ptr<archive, decltype(&archive_write_free)> writer(archive_write_new(), archive_write_free);
  archive_write_set_format_pax_restricted(writer.get());
  archive_write_open_filename(writer.get(), file.c_str());
  for (const TarMember& member : members) {
    const std::unique_ptr<archive_entry, decltype(&archive_entry_free)> entry(archive_entry_new(), archive_entry_free);
    archive_entry_set_pathname(entry.get(), member.name.c_str());
    archive_entry_set_filetype(entry.get(), member.type);
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_size(entry.get(), static_cast<std::int64_t>(member.bytes.size()));
    if (!member.link.empty() && member.type == AE_IFLNK) archive_entry_set_symlink(entry.get(), member.link.c_str());
    if (!member.link.empty() && member.type == AE_IFREG) archive_entry_set_hardlink(entry.get(), member.link.c_str());
    if (member.sparse)
      archive_entry_sparse_add_entry(entry.get(), 512, static_cast<std::int64_t>(member.bytes.size()) - 512);
    archive_write_header(writer.get(), entry.get());
    archive_write_data(writer.get(), member.bytes.data(), member.bytes.size());
  }
  archive_write_close(writer.get());
}

}  // namespace quasar
