#include "events/jsonl/jsonl_sink.h"

#include <algorithm>
#include <utility>

namespace ds01::events {
namespace {

constexpr std::size_t kBatch = 256;  // lines in one write(2): at most 1 MB

}  // namespace

JsonlSink::JsonlSink(JsonlOptions options, const Clock& clock)
    : clock_(clock),
      max_waiting_(options.max_waiting),
      on_loss_(std::move(options.on_loss)),
      file_(std::move(options.path), options.group),
      thread_([this] { run(); }) {}

JsonlSink::~JsonlSink() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void JsonlSink::emit(Event event) {
  if (event.at == TimePoint{}) event.at = clock_.now();
  bool lost = false;
  {
    const std::lock_guard lock(mutex_);
    if (emitted_ - finished_ >= max_waiting_) {
      ++dropped_;
      ++unreported_;
      lost = losing_ = true;
    } else {
      waiting_.push_back(std::move(event));
      ++emitted_;
    }
  }
  if (!lost) {
    wake_.notify_one();
  } else if (on_loss_) {
    on_loss_(1);
  }
}

void JsonlSink::flush() {
  std::unique_lock lock(mutex_);
  const std::uint64_t until = emitted_;
  idle_.wait(lock, [&] { return finished_ >= until; });
}

std::uint64_t JsonlSink::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

bool JsonlSink::losing() const {
  const std::lock_guard lock(mutex_);
  return losing_;
}

void JsonlSink::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return !waiting_.empty() || stopping_; });
    if (waiting_.empty()) {
      lock.unlock();
      writeBatch({});  // the last chance to report what was lost
      return;
    }
    const std::vector<Event> taken = std::exchange(waiting_, {});
    lock.unlock();
    for (std::size_t from = 0; from < taken.size(); from += kBatch) {
      writeBatch(std::span(taken).subspan(from, std::min(kBatch, taken.size() - from)));
    }
    lock.lock();
  }
}

void JsonlSink::writeBatch(std::span<const Event> batch) {
  std::uint64_t lost_before = 0;
  {
    const std::lock_guard lock(mutex_);
    lost_before = unreported_;
  }
  std::string text;
  std::vector<std::size_t> ends;  // of each line in text
  const auto add = [&](const Event& event) {
    text += encode(event) + '\n';
    ends.push_back(text.size());
  };
  if (lost_before > 0)
    add({.type = "events.lost", .user = {}, .details = {{"count", lost_before}}, .at = clock_.now()});
  for (const Event& event : batch) add(event);
  if (ends.empty()) return;

  const std::size_t written = file_.prepare() ? file_.append(text) : 0;
  const auto whole =
      static_cast<std::size_t>(std::ranges::count_if(ends, [&](std::size_t end) { return end <= written; }));

  const bool reported = lost_before > 0 && whole > 0;
  const std::uint64_t lost = batch.size() - (whole - (reported ? 1 : 0));
  if (lost > 0 && on_loss_) on_loss_(lost);
  const std::lock_guard lock(mutex_);
  if (reported) unreported_ -= lost_before;
  dropped_ += lost;
  unreported_ += lost;
  if (whole < ends.size()) losing_ = true;
  if (whole == ends.size() && waiting_.size() < max_waiting_) losing_ = false;
  finished_ += batch.size();
  idle_.notify_all();
}

}  // namespace ds01::events
