// Builds that we make for clients whose own way of asking is POST /build?version=2, as long as they go on: by the name
// that each client has chosen, which is told to nobody, and means nothing but to the same user. One thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>

namespace ds01::gateway {

class SessionBuilds {
  using Key = std::pair<std::string, std::string>;  // login, name
  using Builds = std::multimap<Key, std::function<void()>>;

 public:
  SessionBuilds() = default;
  SessionBuilds(const SessionBuilds&) = delete;
  SessionBuilds& operator=(const SessionBuilds&) = delete;
  ~SessionBuilds() = default;

  // One of them. The SessionBuilds outlives it.
  class Entry {
   public:
    Entry(Builds& builds, Builds::iterator at) : builds_(builds), at_(at) {}
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry() { builds_.erase(at_); }

   private:
    Builds& builds_;
    Builds::iterator at_;
  };

  // `cancel` is called at any time until the entry ends.
  Entry add(std::string login, std::string name, std::function<void()> cancel) {
    return {builds_, builds_.emplace(Key(std::move(login), std::move(name)), std::move(cancel))};
  }

  // All of that name; false: there is none of this user's.
  bool cancel(const std::string& login, const std::string& name) const {
    const auto [first, last] = builds_.equal_range(Key(login, name));
    for (auto at = first; at != last; ++at) at->second();
    return first != last;
  }

 private:
  Builds builds_;
};

}  // namespace ds01::gateway
