// Puts images of the state on disk on a thread of its own, so that the I/O thread never waits for fsync.
//
// Images that are handed over while one is being written are not written one by one: the newest stands for all of them,
// and all who wait are answered by that one write. So a burst of grants costs two writes, not one each.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/result.h"

namespace ds01::allocator {

class StateWriter {
 public:
  using Write = std::function<Status(std::string_view)>;
  using Done = std::function<void(Status)>;

  // `write` is called on the writer's thread, never twice at once; it must be valid until the destructor has returned.
  explicit StateWriter(Write write);
  StateWriter(const StateWriter&) = delete;
  StateWriter& operator=(const StateWriter&) = delete;
  // Writes what is left and answers all who wait; blocks until that has happened.
  ~StateWriter();

  // From any thread; does not block. Each image must hold all that the ones before it held: only the newest of those
  // that wait is written. `done` may be empty; it is called exactly once, on the writer's thread, in the order of the
  // calls, after this image or a newer one is on disk or could not be written. It must not throw; it may call write().
  void write(std::string image, Done done);

 private:
  void run();

  Write write_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<std::string> newest_;  // these three under mutex_
  std::vector<Done> waiting_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace ds01::allocator
