// Between a request that waits its turn and the client behind it: whoever grants says that it waits, whoever serves the
// client says that the client has gone. I/O thread only; made by who asks, and outlives the question.
#pragma once

#include <functional>
#include <utility>

namespace ds01::gateway {

class Patience {
 public:
  // `on_wait` runs once, when the request begins to wait.
  explicit Patience(std::function<void()> on_wait) : on_wait_(std::move(on_wait)) {}
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;
  ~Patience() = default;

  // By who grants. `on_gone` runs at most once, before endWait(), and must end the wait.
  void beginWait(std::function<void()> on_gone) {
    on_gone_ = std::move(on_gone);
    if (on_wait_) std::exchange(on_wait_, {})();
    if (gone_) tellGone();
  }
  void endWait() { on_gone_ = {}; }

  // By who serves the client. What is granted after that is not wanted any more.
  void giveUp() {
    gone_ = true;
    tellGone();
  }
  bool givenUp() const { return gone_; }

 private:
  void tellGone() {
    if (on_gone_) std::exchange(on_gone_, {})();
  }

  std::function<void()> on_wait_;
  std::function<void()> on_gone_;
  bool gone_ = false;
};

}  // namespace ds01::gateway
