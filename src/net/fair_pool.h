// Runs long computations on a few threads of their own, so that the I/O thread goes on with everybody else. Each call
// belongs to a key (a uid): keys take turns, and one key never has two threads while there is more than one, so that a
// flood of one user neither fills the pool nor delays the calls of others by more than those that run already.
//
// For work that ends by itself (its input is bounded). What may hang belongs in BlockingPool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include <boost/asio/awaitable.hpp>

#include "base/result.h"

namespace ds01::net {

class FairPool {
 public:
  // `max_waiting_per_key`: calls beyond those that run. `most_per_key`: that run at once, if that is fewer than all
  // threads but one; 0: as many as those.
  FairPool(std::size_t threads, std::size_t max_waiting_per_key, std::size_t most_per_key = 0);
  FairPool(const FairPool&) = delete;
  FairPool& operator=(const FairPool&) = delete;
  ~FairPool();  // waits for the calls that run; those that wait are dropped

  // Called on the I/O thread; resumes there. `work` must own all it uses (it may outlive the caller's frame); it and
  // its result are built and destroyed on a thread of the pool as far as the caller lets them. Unavailable when too
  // many calls of this key are waiting; Internal when `work` threw.
  boost::asio::awaitable<Status> run(std::uint64_t key, std::function<void()> work);

  // The calls that wait are dropped, with Unavailable, and no more are taken; those that run end. Any thread.
  void stop();

  std::size_t waiting() const;  // calls that no thread has begun; any thread

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ds01::net
