#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "distributed/checkpoint/file_system.h"
#include "tests/child_process.h"

namespace quasar {

/// Passes every call on to the disk, and keeps a list of those that change something.
class RecordingFileSystem final : public FileSystem {
 public:
  enum class Kind { create, write, sync, create_folder, sync_folder, rename, remove };
  struct Operation {
    Kind kind;
    std::filesystem::path path;
    std::string bytes;              ///< of write
    std::filesystem::path to = {};  ///< of rename
  };
  std::vector<Operation> operations;

  std::unique_ptr<OutputFile> create(const std::filesystem::path& file, std::int64_t bytes) override {
    operations.push_back({Kind::create, file, ""});
    return std::make_unique<File>(*this, file, real_file_system().create(file, bytes));
  }
  void create_folder(const std::filesystem::path& folder) override {
    operations.push_back({Kind::create_folder, folder, ""});
    real_file_system().create_folder(folder);
  }
  void sync_folder(const std::filesystem::path& folder) override {
    operations.push_back({Kind::sync_folder, folder, ""});
    real_file_system().sync_folder(folder);
  }
  void rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    operations.push_back({Kind::rename, from, "", to});
    real_file_system().rename(from, to);
  }
  void remove(const std::filesystem::path& path) override {
    operations.push_back({Kind::remove, path, ""});
    real_file_system().remove(path);
  }
  std::vector<std::string> list(const std::filesystem::path& folder) override {
    return real_file_system().list(folder);
  }

 private:
  class File final : public OutputFile {
   public:
    File(RecordingFileSystem& owner, std::filesystem::path path, std::unique_ptr<OutputFile> real)
        : owner_(owner), path_(std::move(path)), real_(std::move(real)) {}
    void write(std::span<const std::byte> bytes) override {
      owner_.operations.push_back(
          {Kind::write, path_, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size())});
      real_->write(bytes);
    }
    void sync() override {
      owner_.operations.push_back({Kind::sync, path_, ""});
      real_->sync();
    }
    void close() override { real_->close(); }

   private:
    RecordingFileSystem& owner_;
    std::filesystem::path path_;
    std::unique_ptr<OutputFile> real_;
  };
};

/// What a disk may hold after a power loss: a file's bytes are safe once the file is synced, a name once its folder is.
class PowerLossModel {
 public:
  enum class Data { dropped, kept, cut_at_512, zeros_from_4096 };
  static constexpr Data kAllData[] = {Data::dropped, Data::kept, Data::cut_at_512, Data::zeros_from_4096};
  using Tree = std::map<std::string, std::string>;  // folders end with '/'

  /// Starts from what is there, all of it safe.
  explicit PowerLossModel(const std::filesystem::path& root) : root_(root) {
    nodes_.push_back({});
    load(0, root);
  }

  void apply(const RecordingFileSystem::Operation& operation) {
    using Kind = RecordingFileSystem::Kind;
    const std::string name = operation.path.filename();
    switch (operation.kind) {
      case Kind::create:
      case Kind::create_folder:
        nodes_.push_back({});
        nodes_.back().is_folder = operation.kind == Kind::create_folder;
        change(operation.path.parent_path(), {{name, static_cast<int>(nodes_.size()) - 1}});
        break;
      case Kind::write:
        nodes_[find(operation.path)].bytes += operation.bytes;
        break;
      case Kind::sync:
        nodes_[find(operation.path)].safe_bytes = nodes_[find(operation.path)].bytes;
        break;
      case Kind::sync_folder: {
        Node& folder = nodes_[find(operation.path)];
        folder.safe_entries = folder.entries;
        folder.pending.clear();
        break;
      }
      case Kind::rename:  // within one folder
        change(operation.path.parent_path(),
               {{name, kNone}, {operation.to.filename(), static_cast<int>(find(operation.path))}});
        break;
      case Kind::remove:
        change(operation.path.parent_path(), {{name, kNone}});
        break;
    }
  }

  /// Every state to try now: all kinds of data loss, with all, none, all but one, or only one of the unsafe name changes.
  std::set<Tree> states() const {
    std::vector<std::pair<std::size_t, std::size_t>> pending;
    for (std::size_t node = 0; node < nodes_.size(); ++node)
      for (std::size_t i = 0; i < nodes_[node].pending.size(); ++i) pending.emplace_back(node, i);
    std::set<std::set<std::pair<std::size_t, std::size_t>>> choices = {{}, {pending.begin(), pending.end()}};
    for (const auto& one : pending) {
      choices.insert({one});
      auto others = std::set(pending.begin(), pending.end());
      others.erase(one);
      choices.insert(others);
    }
    std::set<Tree> trees;
    for (const auto& arrived : choices)
      for (const Data data : kAllData) {
        Tree tree;
        collect(0, "", arrived, data, tree);
        trees.insert(std::move(tree));
      }
    return trees;
  }

  static void put(const Tree& tree, const std::filesystem::path& root) {
    std::filesystem::remove_all(root);
    std::filesystem::create_directories(root);
    for (const auto& [path, bytes] : tree)
      if (path.ends_with('/'))
        std::filesystem::create_directories(root / path);
      else
        write_text(root / path, bytes);
  }

 private:
  static constexpr int kNone = -1;
  using Change = std::vector<std::pair<std::string, int>>;
  struct Node {
    bool is_folder = true;
    std::string bytes, safe_bytes;
    std::map<std::string, int> entries, safe_entries;
    std::vector<Change> pending;
  };

  void load(std::size_t folder, const std::filesystem::path& path) {
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      const std::size_t id = nodes_.size();
      nodes_.push_back({});
      nodes_[folder].entries[entry.path().filename()] = static_cast<int>(id);
      nodes_[id].is_folder = entry.is_directory();
      if (entry.is_directory())
        load(id, entry.path());
      else
        nodes_[id].bytes = nodes_[id].safe_bytes = read_text(entry.path());
    }
    nodes_[folder].safe_entries = nodes_[folder].entries;
  }

  std::size_t find(const std::filesystem::path& path) const {
    std::size_t node = 0;
    for (const auto& part : path.lexically_relative(root_))
      if (part != ".") node = static_cast<std::size_t>(nodes_[node].entries.at(part));
    return node;
  }

  static void carry_out(const Change& change, std::map<std::string, int>& entries) {
    for (const auto& [name, node] : change)
      if (node == kNone)
        entries.erase(name);
      else
        entries[name] = node;
  }

  void change(const std::filesystem::path& folder, const Change& change) {
    Node& node = nodes_[find(folder)];
    carry_out(change, node.entries);
    node.pending.push_back(change);
  }

  static std::string survives(const Node& node, Data data) {
    const std::size_t safe = node.safe_bytes.size(), unsafe = node.bytes.size() - safe;
    if (data == Data::dropped || unsafe == 0) return node.safe_bytes;
    if (data == Data::kept) return node.bytes;
    const std::size_t block = data == Data::cut_at_512 ? 512 : 4096;
    std::string torn = node.bytes.substr(0, safe + unsafe / 2 / block * block);
    if (data == Data::zeros_from_4096) torn.resize(node.bytes.size(), '\0');
    return torn;
  }

  void collect(std::size_t folder, const std::string& path,
               const std::set<std::pair<std::size_t, std::size_t>>& arrived, Data data, Tree& tree) const {
    auto entries = nodes_[folder].safe_entries;
    for (std::size_t i = 0; i < nodes_[folder].pending.size(); ++i)
      if (arrived.contains({folder, i})) carry_out(nodes_[folder].pending[i], entries);
    for (const auto& [name, id] : entries) {
      const auto node = static_cast<std::size_t>(id);
      if (nodes_[node].is_folder) {
        tree[path + name + "/"] = "";
        collect(node, path + name + "/", arrived, data, tree);
      } else {
        tree[path + name] = survives(nodes_[node], data);
      }
    }
  }

  std::filesystem::path root_;
  std::vector<Node> nodes_;  // 0: the root
};

}  // namespace quasar
