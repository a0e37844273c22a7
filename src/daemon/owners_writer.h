// Keeps container-owners.json as it should be, and tells whoever else wants the same text. What changes within a moment
// is written once. I/O thread only; text is made and written on a thread of a pool.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "net/blocking_pool.h"
#include "ownership/file/owners_file.h"
#include "ownership/owners_document.h"

namespace ds01::daemon {

struct OwnersWriterParts {
  net::BlockingPool& pool;  // of one thread, so that texts are written in order
  ownership::OwnersFile file;
  std::function<ownership::OwnersDocument()> document;                  // as of now
  std::function<void(std::string_view why)> on_failure;                 // each time that it could not be written
  std::chrono::milliseconds gather = std::chrono::milliseconds(200);    // how long changes are waited for
  std::chrono::milliseconds retry = std::chrono::milliseconds(30'000);  // after a failure
};

class OwnersWriter {
 public:
  using Text = std::shared_ptr<const std::string>;

  // What the parts refer to outlives this.
  OwnersWriter(const boost::asio::any_io_executor& executor, OwnersWriterParts parts);

  // The document says something else than before.
  void changed();
  // Called with each new text, on the I/O thread, whether it could be written or not. It must not block.
  void onChange(std::function<void(Text)> tell) { tell_ = std::move(tell); }
  // The last one; null before the first.
  Text current() const { return current_; }

  // Does the writing. Never returns.
  boost::asio::awaitable<void> run();

 private:
  boost::asio::awaitable<void> pause(std::chrono::milliseconds time);

  OwnersWriterParts parts_;
  std::function<void(Text)> tell_;
  Text current_;
  bool dirty_ = false;
  bool waiting_ = false;  // for a change, or for the disk
  boost::asio::steady_timer timer_;
};

}  // namespace ds01::daemon
