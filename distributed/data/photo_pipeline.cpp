#include "distributed/data/photo_pipeline.h"

#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include "core/errors.h"
#include "distributed/data/photo_worker.h"

namespace quasar {
namespace {

/// A photograph that is wanted: by its sample, and the visit's position or none.
using Name = std::pair<std::int64_t, std::optional<std::int64_t>>;
using Job = std::packaged_task<PreparedPhoto(PhotoWorker&)>;

/// An error crosses to the other thread as its text: an exception would be freed by whichever of the two lets go of it
/// last, by counts inside libstdc++ that the thread sanitizer does not see.
PreparedPhoto prepare(PhotoWorker& worker, const Name& name) {
  try {
    return worker.prepare(name.first, name.second);
  } catch (const DataError& error) {
    PreparedPhoto none;
    none.error = error.what();
    return none;
  }
}

struct Wanted {
  std::shared_ptr<Job> job;  ///< a job that nobody wants any more is not begun
  std::future<PreparedPhoto> result;
};

}  // namespace

struct PhotoPipeline::State {
  const std::shared_ptr<const PhotoSet> set;
  const PhotoOptions options;
  const AugmentationOptions augmentation;
  const std::shared_ptr<DamagedSamples> damaged;
  std::mutex mutex;
  std::vector<std::unique_ptr<PhotoWorker>> idle;  ///< as many as readers, under the mutex
  std::map<Name, Wanted> wanted;
  boost::asio::thread_pool readers;  ///< last, so that its threads end first

  State(std::shared_ptr<const PhotoSet> photos, const PhotoOptions& photo_options, const AugmentationOptions& others,
        std::shared_ptr<DamagedSamples> damaged_ones)
      : set(std::move(photos)),
        options(photo_options),
        augmentation(others),
        damaged(std::move(damaged_ones)),
        readers(static_cast<std::size_t>(options.readers)) {
    for (int i = 0; i < options.readers; ++i)
      idle.push_back(std::make_unique<PhotoWorker>(*set, options, augmentation));
  }

  ~State() {
    readers.stop();
    readers.join();
  }

  void start(const Name& name) {
    if (wanted.contains(name)) return;
    const auto job = std::make_shared<Job>([name](PhotoWorker& worker) { return prepare(worker, name); });
    wanted[name] = {.job = job, .result = job->get_future()};
    boost::asio::post(readers, [this, weak = std::weak_ptr<Job>(job)] {
      const std::shared_ptr<Job> own = weak.lock();
      if (own == nullptr) return;
      std::unique_ptr<PhotoWorker> worker = exchange_idle(nullptr);
      (*own)(*worker);
      exchange_idle(std::move(worker));
    });
  }

  /// Takes a worker, or gives it back.
  std::unique_ptr<PhotoWorker> exchange_idle(std::unique_ptr<PhotoWorker> back) {
    const std::lock_guard lock(mutex);
    if (back != nullptr) {
      idle.push_back(std::move(back));
      return nullptr;
    }
    std::unique_ptr<PhotoWorker> worker = std::move(idle.back());
    idle.pop_back();
    return worker;
  }

  void take(const std::vector<Name>& names, const Receive& receive) {
    for (const Name& name : names) start(name);
    for (std::size_t i = 0; i < names.size(); ++i) {
      // A name may stand in a batch twice.
      start(names[i]);
      const auto node = wanted.extract(names[i]);
      const PreparedPhoto prepared = node.mapped().result.get();
      if (prepared.error) throw DataError(*prepared.error);
      // Now, rather than by the readers, as what they prepare ahead may never be asked for.
      for (const PreparedPhoto::Damaged& one : prepared.damaged) damaged->add(one.sample, one.message);
      if (prepared.is_sound) receive(i, prepared);
    }
  }
};

PhotoPipeline::PhotoPipeline(std::shared_ptr<const PhotoSet> set, const PhotoOptions& options,
                             const AugmentationOptions& augmentation, std::shared_ptr<DamagedSamples> damaged)
    : state_(std::make_unique<State>(std::move(set), options, augmentation, std::move(damaged))) {}

PhotoPipeline::~PhotoPipeline() = default;

void PhotoPipeline::hint(std::span<const Visit> visits) {
  std::map<Name, Wanted> kept;
  for (const Visit& visit : visits)
    if (auto node = state_->wanted.extract({visit.sample, visit.position}); !node.empty()) kept.insert(std::move(node));
  state_->wanted = std::move(kept);
  for (const Visit& visit : visits) state_->start({visit.sample, visit.position});
}

void PhotoPipeline::take(std::span<const Visit> visits, const Receive& receive) {
  std::vector<Name> names;
  for (const Visit& visit : visits) names.emplace_back(visit.sample, visit.position);
  state_->take(names, receive);
}

void PhotoPipeline::take_plain(std::int64_t first, std::int64_t count, const Receive& receive) {
  std::vector<Name> names;
  for (std::int64_t i = first; i < first + count; ++i) names.emplace_back(i, std::nullopt);
  state_->take(names, receive);
}

}  // namespace quasar
