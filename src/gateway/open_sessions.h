// Sessions of clients (POST /session) that have begun, by login and the name that the client gave it. A client of 20.10
// that is refused a build while its session is just beginning forgets to end that, and hangs: so whoever answers waits
// for it.
//
// One thread.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

namespace ds01::gateway {

class OpenSessions {
  using Key = std::pair<std::string, std::string>;

 public:
  explicit OpenSessions(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}
  OpenSessions(const OpenSessions&) = delete;
  OpenSessions& operator=(const OpenSessions&) = delete;
  ~OpenSessions() = default;

  // One session's connection. The OpenSessions outlives it.
  class Entry {
   public:
    Entry(OpenSessions& sessions, std::string login, std::string id)
        : sessions_(sessions), key_(std::move(login), std::move(id)) {}
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry();
    void begun();  // once

   private:
    OpenSessions& sessions_;
    Key key_;
    bool begun_ = false;
  };

  // Until there is one of that name, `limit` at most.
  boost::asio::awaitable<void> wait(std::string login, std::string id, std::chrono::milliseconds limit);
  // Nobody waits any more.
  void stop();

 private:
  boost::asio::any_io_executor executor_;
  std::multiset<Key> begun_;
  std::multimap<Key, boost::asio::steady_timer*> waiting_;  // of frames that take them out again
  bool stopped_ = false;
};

}  // namespace ds01::gateway
