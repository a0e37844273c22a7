// Cuts the body of GET /events into its JSON objects as the bytes come in. The Engine writes one object after the
// other, with or without a newline between them (and, from API 1.52 on request, with an RFC 7464 record separator).
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ds01::docker {

class EventSplitter {
 public:
  // At most this many bytes are ever held. A longer object is passed over: its labels are those of an image, so whoever
  // can make an image could end the stream for everybody otherwise.
  static constexpr std::size_t kMaxObjectBytes = 4UL * 1024 * 1024;

  // Between two objects at most this many: what ordinary ones need.
  static constexpr std::size_t kKeptBytes = 64UL * 1024;

  // Calls `on_object` with the text of each object that `bytes` completes, in order; the view is valid during the call,
  // which must not feed. Malformed: something else than an object stands there. Nothing can be
  // relied on after that: follow the events anew and list again. Braces are matched and strings skipped, no more: the
  // text may still be bad JSON.
  Status feed(std::string_view bytes, const std::function<void(std::string_view)>& on_object);

  std::size_t reservedBytes() const { return object_.capacity(); }

 private:
  enum class Place { Between, Object, String, Escape };

  void drop();

  std::string object_;  // what of the unfinished object came with earlier calls
  std::size_t depth_ = 0;
  Place place_ = Place::Between;
  bool too_long_ = false;  // the unfinished object
  bool broken_ = false;
};

}  // namespace ds01::docker
