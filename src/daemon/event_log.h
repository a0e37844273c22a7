// The log of events as it can be searched: the file (and its rotated predecessors) on a thread of its own, and the
// latest events from memory, because the file's writer may be behind. I/O thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/result.h"
#include "daemon/recent_events.h"
#include "events/record.h"
#include "net/blocking_pool.h"

namespace ds01::daemon {

struct EventSearch {
  events::Filter filter;
  std::string login;  // who asks; sees only what is theirs, unless
  bool admin = false;
  std::size_t limit = 100;    // the newest so many
  std::string decision = {};  // only those that tell of it
};

struct FoundEvents {
  std::vector<events::Record> records;  // oldest first
  bool whole = true;                    // false: the search was given up before the oldest file's beginning
  std::size_t compressed = 0;           // files that could not be searched
  std::uint64_t next = 0;               // RecentEvents' number of the first event that was not looked at
};

class EventLog {
 public:
  // All must outlive this.
  EventLog(std::string path, net::BlockingPool& pool, const RecentEvents& recent)
      : path_(std::move(path)), pool_(pool), recent_(recent) {}

  // Unavailable: `uid` is searching already, or too many searches run; Timeout.
  boost::asio::awaitable<Result<FoundEvents>> find(EventSearch search, std::uint32_t uid);

 private:
  std::string path_;
  net::BlockingPool& pool_;
  const RecentEvents& recent_;
  std::set<std::uint32_t> searching_;  // one search a user
};

// The record if it is one that the search is about and its asker may see.
std::optional<events::Record> wantedRecord(std::string_view line, const EventSearch& search);

}  // namespace ds01::daemon
