// Appends events to a file, one JSON object a line, on a thread of its own. The log must never stop the service: a disk
// that is full, slow or gone costs lines, which are counted and reported by an `events.lost` line
// ({"count": n}) as soon as writing works again.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

#include "base/clock.h"
#include "events/event.h"
#include "events/jsonl/append_file.h"

namespace ds01::events {

struct JsonlOptions {
  std::string path;                // the directory must exist; a link is not followed
  std::optional<gid_t> group;      // of the file, whose mode is 0640; unset: as the system makes it
  std::size_t max_waiting = 8192;  // events not yet written; what comes beyond them is lost
  // Lines were lost, so many. On the sink's thread or in emit(); must not emit.
  std::function<void(std::uint64_t lines)> on_loss = {};
};

class JsonlSink final : public EventSink {
 public:
  // `clock` must outlive this.
  JsonlSink(JsonlOptions options, const Clock& clock);
  JsonlSink(const JsonlSink&) = delete;
  JsonlSink& operator=(const JsonlSink&) = delete;
  // Tries to write what waits, once; blocks as long as the disk does.
  ~JsonlSink() override;

  // From any thread.
  void emit(Event event) override;

  // Blocks until everything emitted before the call is written or lost. For tests and for an orderly end.
  void flush();

  // Lines lost since the start.
  std::uint64_t dropped() const;
  // Whether the last attempt lost something. Only another event can show that the disk is well again.
  bool losing() const;

 private:
  void run();
  void writeBatch(std::span<const Event> batch);

  const Clock& clock_;
  const std::size_t max_waiting_;
  const std::function<void(std::uint64_t)> on_loss_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::vector<Event> waiting_;  // from here to stopping_ under mutex_
  std::uint64_t emitted_ = 0;   // accepted into waiting_
  std::uint64_t finished_ = 0;  // of these, written or lost
  std::uint64_t dropped_ = 0;
  std::uint64_t unreported_ = 0;  // of dropped_, not yet told by an events.lost line
  bool losing_ = false;
  bool stopping_ = false;

  AppendFile file_;     // the thread's
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace ds01::events
