#include "docker/event_splitter.h"

namespace ds01::docker {

namespace {

bool isSeparator(char c) {
  return c == '\n' || c == '\r' || c == ' ' || c == '\t' || c == '\x1e';
}

}  // namespace

Status EventSplitter::feed(std::string_view bytes, const std::function<void(std::string_view)>& on_object) {
  std::size_t begin = 0;  // of the current object within `bytes`
  const auto broken = [this](const char* why) {
    broken_ = true;
    drop();
    return fail(ErrorCode::Malformed, why);
  };
  if (broken_) return broken("the event stream is broken");
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    switch (place_) {
      case Place::Between:
        if (isSeparator(c)) continue;
        if (c != '{') return broken("the event stream holds something else than JSON objects");
        place_ = Place::Object;
        depth_ = 1;
        begin = i;
        break;
      case Place::Object:
        if (c == '"') place_ = Place::String;
        if (c == '{') ++depth_;
        if (c == '}' && --depth_ == 0) {
          place_ = Place::Between;
          if (!too_long_) {
            object_.append(bytes.substr(begin, i + 1 - begin));
            on_object(object_);
          }
          drop();
          too_long_ = false;
          continue;
        }
        break;
      case Place::String:
        if (c == '"') place_ = Place::Object;
        if (c == '\\') place_ = Place::Escape;
        break;
      case Place::Escape:
        place_ = Place::String;
        break;
    }
    if (!too_long_ && object_.size() + (i + 1 - begin) >= kMaxObjectBytes) {
      too_long_ = true;
      drop();
    }
  }
  if (place_ != Place::Between && !too_long_) object_.append(bytes.substr(begin));
  return {};
}

void EventSplitter::drop() {
  object_.clear();
  // One long event must not keep its memory for as long as the stream lasts. (Assigning an empty string would.)
  if (object_.capacity() > kKeptBytes) object_.shrink_to_fit();
}

}  // namespace ds01::docker
