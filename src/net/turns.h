// Turns at something that all share, by key (a uid): each key has so many at once, and what it asks for beyond waits in
// order of asking. So a flood of one user waits behind itself, and nobody else waits at all. Single thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/awaitable.hpp>

namespace ds01::net {

class Turns {
 private:
  struct State;

 public:
  // `longest`: a turn that lasts longer no longer counts. Whoever has it is waiting for something, and works no more.
  // Unset: each counts until it ends.
  Turns(std::size_t at_once, std::optional<std::chrono::milliseconds> longest);
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;
  ~Turns();

  // Ends when it is destroyed or moved over. May outlive the Turns.
  class Turn {
   public:
    Turn() = default;  // none
    Turn(Turn&& other) noexcept
        : state_(std::move(other.state_)),
          key_(other.key_),
          number_(std::exchange(other.number_, 0)),
          waited_(other.waited_) {}
    Turn& operator=(Turn&& other) noexcept;
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() { end(); }
    void end();
    bool waited() const { return waited_; }  // it was not there at once

   private:
    friend class Turns;
    Turn(std::shared_ptr<State> state, std::uint64_t key, std::uint64_t number, bool waited)
        : state_(std::move(state)), key_(key), number_(number), waited_(waited) {}
    std::shared_ptr<State> state_;
    std::uint64_t key_ = 0;
    std::uint64_t number_ = 0;
    bool waited_ = false;
  };

  boost::asio::awaitable<Turn> take(std::uint64_t key);

  std::size_t waiting() const;  // of all keys
  // `which` of somebody else who has a turn that has not ended, however long it lasts.
  bool anyOther(std::uint64_t key, const std::function<bool(std::uint64_t)>& which) const;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace ds01::net
