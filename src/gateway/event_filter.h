// GET /events as one user may see it.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "docker/event_splitter.h"
#include "gateway/exchange.h"
#include "gateway/ports.h"

namespace ds01::gateway {

// What decides about one event.
struct EventVerdict {
  enum class Kind { Pass, Drop, ByContainer, ByVolume, ByNetwork };
  Kind kind = Kind::Drop;
  std::string subject = {};  // its id, or the volume's name
  bool is_gone = false;      // it cannot be looked up any more
};

// Images are everybody's; what happens to a container, or to a network or volume on its behalf, is its owner's, and so
// is that a network or volume comes or goes; the rest is the admins'.
EventVerdict classifyEvent(const boost::json::object& event);

// Holds one unfinished event at most, and the ids of containers that were seen to be the user's, because a container's
// last events come when it can no longer be looked up.
class EventFilter : public BodyFilter {
 public:
  // Both outlive the request.
  EventFilter(Ports& ports, ObjectMemory& objects, std::string login)
      : ports_(ports), objects_(objects), login_(std::move(login)) {}

  boost::asio::awaitable<std::string> pass(std::string_view piece) override;

 private:
  boost::asio::awaitable<bool> mayPass(std::string_view text);

  boost::asio::awaitable<bool> isOwnContainer(std::string id);
  boost::asio::awaitable<bool> isOwnObject(EventVerdict verdict);

  Ports& ports_;
  ObjectMemory& objects_;
  std::string login_;
  docker::EventSplitter splitter_;
  std::set<std::string> own_;
  bool broken_ = false;  // nothing passes after something that is not an event
};

}  // namespace ds01::gateway
