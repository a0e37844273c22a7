// The latest events in memory, on their way to the log: what was just decided need not be looked for on the disk, and
// whoever follows is woken. Lines, not events, are kept, because a line is at most 4000 bytes long. I/O thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "events/event.h"
#include "net/http_server.h"

namespace ds01::daemon {

class RecentEvents final : public events::EventSink {
 public:
  // Both must outlive this.
  RecentEvents(events::EventSink& log, const Clock& clock, std::size_t most = 1024)
      : log_(log), clock_(clock), most_(most) {}

  void emit(events::Event event) override;

  // Events are numbered from 0; next() is the number of the one to come.
  std::uint64_t next() const { return first_ + lines_.size(); }
  std::uint64_t first() const { return first_; }  // the oldest that is still here
  // The encoded lines from `number` on, oldest first; those that are gone already are left out.
  std::vector<std::string> linesFrom(std::uint64_t number) const;

  // Wakes `follower` at each event for as long as it exists.
  void wake(std::weak_ptr<net::HttpBody> follower) { followers_.push_back(std::move(follower)); }

 private:
  events::EventSink& log_;
  const Clock& clock_;
  const std::size_t most_;
  std::deque<std::string> lines_;
  std::uint64_t first_ = 0;
  std::vector<std::weak_ptr<net::HttpBody>> followers_;
};

}  // namespace ds01::daemon
