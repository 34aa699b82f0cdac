#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace quasar {

/// Whether find_dataset may use the network.
enum class Download { allowed, never };

/// The sets of LIBSVM's page that find_dataset knows: each is a file of its own name.
const std::vector<std::string>& libsvm_sets();

/// Folder that holds the unpacked files of `mnist`, `fashion_mnist` (four idx files), `cifar10` (six of the binary
/// format), one of libsvm_sets(), `tiny_shakespeare` (tinyshakespeare.txt) or `wikitext2` (wikitext-2-valid.txt and
/// -test.txt); none if it cannot be had.
///
/// Looked for in this order, each as FOLDER or FOLDER/<name>, plain or packed (unpacked once into the cache):
///   root_from_config (`data.root`; empty if not given) · $QUASAR_DATA · shared/data beside the source folder ·
///   <cache_folder()>/data/<name> · the official download into it, its checksum compared
/// LIBSVM's sets are looked for in FOLDER/libsvm too, texts in FOLDER/text, and neither is downloaded. Packed are idx,
/// LIBSVM and text files with xz, CIFAR-10 as the official archive or as lossless JPEG XL mosaics.
/// throws  DataError if root_from_config is given and the set is not there
std::optional<std::filesystem::path> find_dataset(const std::string& name, const std::string& root_from_config,
                                                  Download download = Download::allowed);

}  // namespace quasar
