#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <string_view>

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include "core/errors.h"
#include "distributed/data/file_range.h"
#include "distributed/data/tar_shards.h"

namespace quasar {
namespace {

constexpr std::int64_t kBlock = 512;
constexpr std::int64_t kMostDigits = 16;  // of a class, with the line's end

struct Free {
  void operator()(archive* reader) const { archive_read_free(reader); }
};

/// A tar file on its way through libarchive, with the sample that is being put together.
class TarIndexer {
 public:
  explicit TarIndexer(const std::filesystem::path& file) : file_(file), reader_(archive_read_new()) {
    std::error_code error;
    size_ = static_cast<std::int64_t>(std::filesystem::file_size(file, error));
    if (error) throw DataError(file.string() + ": cannot be read (" + error.message() + ")");
    archive_read_support_format_tar(reader_.get());
    if (archive_read_open_filename(reader_.get(), file.c_str(), 1 << 16) != ARCHIVE_OK) fail("");
  }

  std::vector<TarSample> run() {
    archive_entry* entry = nullptr;
    for (int status; (status = archive_read_next_header(reader_.get(), &entry)) != ARCHIVE_EOF;) {
      // It warns of names that this locale has no letters for; all other warnings are of headers that it passes over.
      if (status != ARCHIVE_OK && (status != ARCHIVE_WARN || archive_errno(reader_.get()) != EILSEQ)) fail("");
      add(entry);
    }
    end_sample();
    check_end();
    return std::move(samples_);
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const {
    const char* message = archive_error_string(reader_.get());
    throw DataError(file_.string() + ": at byte " + std::to_string(end_) + (member_.empty() ? "" : ": " + member_) +
                    ": " +
                    (!problem.empty()     ? problem
                     : message == nullptr ? "is no tar file"
                                          : std::string("is no tar file (") + message + ")"));
  }

  void add(archive_entry* entry) {
    const char* name = archive_entry_pathname(entry);
    if (name == nullptr) name = archive_entry_pathname_utf8(entry);
    if (name == nullptr) fail("a member has no name that can be read");
    member_ = name;
    check(entry);
    const std::int64_t bytes = archive_entry_filetype(entry) == AE_IFREG ? archive_entry_size(entry) : 0;
    const std::int64_t offset = archive_filter_bytes(reader_.get(), 0);
    if (bytes > size_ - offset)
      fail("has " + std::to_string(bytes) + " bytes, more than the file has left (" + std::to_string(size_ - offset) +
           ")");
    if (archive_entry_filetype(entry) == AE_IFREG) add_file(offset, bytes);
    member_.clear();
    end_ = (offset + bytes + kBlock - 1) / kBlock * kBlock;
  }

  void check(archive_entry* entry) const {
    const auto type = archive_entry_filetype(entry);
    if (archive_entry_hardlink(entry) != nullptr || type == AE_IFLNK) fail("is a link; only plain files are read");
    if (type != AE_IFREG && type != AE_IFDIR) fail("is a device, pipe or socket; only plain files are read");
    if (archive_entry_sparse_count(entry) > 0) fail("is sparse; only plain files are read");
    const std::filesystem::path path = member_;
    if (path.is_absolute()) fail("has an absolute name");
    if (std::find(path.begin(), path.end(), "..") != path.end()) fail("has a name with ..");
    if (archive_entry_size(entry) < 0 || archive_entry_size(entry) > EncodedPhotoSet::kMostBytes)
      fail("has " + std::to_string(archive_entry_size(entry)) + " bytes; a member has at most " +
           std::to_string(EncodedPhotoSet::kMostBytes));
  }

  /// A key is everything before the first dot of the last part of the name, what follows is the member's ending.
  void add_file(std::int64_t offset, std::int64_t bytes) {
    const std::size_t name = member_.rfind('/') == std::string::npos ? 0 : member_.rfind('/') + 1;
    const std::size_t dot = member_.find('.', name);
    if (dot == std::string::npos) return;
    const std::string key = member_.substr(0, dot), ending = member_.substr(dot + 1);
    if (key != key_) end_sample();
    key_ = key;
    if (ending == "jpg" || ending == "jpeg") {
      if (photo_) fail("the sample has a second photograph");
      photo_ = {.key = key, .offset = offset, .bytes = bytes, .label = 0};
    } else if (ending == "cls") {
      if (label_) fail("the sample has a second class");
      label_ = read_label(bytes);
    }
  }

  int read_label(std::int64_t bytes) {
    char text[kMostDigits];
    if (bytes > kMostDigits) fail("has " + std::to_string(bytes) + " bytes; a class is a number of a few digits");
    if (archive_read_data(reader_.get(), text, static_cast<std::size_t>(bytes)) != bytes) fail("");
    std::string_view digits(text, static_cast<std::size_t>(bytes));
    while (!digits.empty() && (digits.back() == '\n' || digits.back() == '\r')) digits.remove_suffix(1);
    int label = -1;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), label);
    if (error != std::errc() || end != digits.data() + digits.size() || label < 0 || label >= 1 << 16)
      fail("does not hold a class, a number from 0 to 65535");
    return label;
  }

  void end_sample() {
    if (photo_.has_value() != label_.has_value()) {
      member_ = key_;
      fail(photo_ ? "the sample has a photograph, but no .cls member beside it"
                  : "the sample has a class, but no .jpg member beside it");
    }
    if (photo_) {
      photo_->label = *label_;
      samples_.push_back(*std::move(photo_));
    }
    photo_.reset();
    label_.reset();
  }

  /// Two blocks of zeros end every tar file; libarchive does without them, and so would not notice a cut.
  void check_end() const {
    const std::string place = file_.string() + ": the end of the archive";
    if (end_ + 2 * kBlock > size_)
      throw DataError(file_.string() + ": at byte " + std::to_string(end_) +
                      ": the archive is cut: two blocks of zeros should end it");
    std::vector<std::uint8_t> blocks;
    read_file_range(file_, end_, 2 * kBlock, place, blocks);
    if (std::any_of(blocks.begin(), blocks.end(), [](std::uint8_t byte) { return byte != 0; }))
      throw DataError(file_.string() + ": at byte " + std::to_string(end_) +
                      ": is damaged: two blocks of zeros should end the archive");
  }

  const std::filesystem::path file_;
  std::unique_ptr<archive, Free> reader_;
  std::int64_t size_ = 0;
  std::int64_t end_ = 0;  ///< of the last member, where the next one's headers begin
  std::string member_, key_;
  std::optional<TarSample> photo_;
  std::optional<int> label_;
  std::vector<TarSample> samples_;
};

}  // namespace

std::vector<TarSample> index_tar(const std::filesystem::path& file) { return TarIndexer(file).run(); }

}  // namespace quasar
