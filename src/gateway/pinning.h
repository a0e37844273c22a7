// The pinned binds of containers, as the gateway asks for them. I/O thread only.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "admission/admission.h"
#include "base/ids.h"
#include "base/result.h"
#include "model/denial.h"
#include "model/user.h"

namespace ds01::gateway {

class Pins;

// The pins of one container that is being made. Move-only. Dropped before `forwarded()`: they go. Dropped after it
// without bind(): nobody knows what the Engine did, so they stay until it has been asked. Must not outlive the Pins it
// came from.
class PinHold {
 public:
  PinHold() = default;  // of a container without binds
  PinHold(Pins& pins, std::string token, std::vector<std::string> paths)
      : pins_(&pins), token_(std::move(token)), paths_(std::move(paths)) {}
  PinHold(PinHold&& other) noexcept
      : pins_(std::exchange(other.pins_, nullptr)),
        token_(std::move(other.token_)),
        paths_(std::move(other.paths_)),
        forwarded_(other.forwarded_) {}
  PinHold& operator=(PinHold&&) = delete;
  PinHold(const PinHold&) = delete;
  PinHold& operator=(const PinHold&) = delete;
  ~PinHold();

  const std::vector<std::string>& paths() const { return paths_; }  // in the order of the request
  void forwarded() { forwarded_ = true; }
  // The Engine said no.
  void refused();
  // The Engine said 201. Done with this hold. `users`: admission::Examined::pin_users. An error keeps the container
  // from seeing its owner's files as its user's, and not from starting.
  boost::asio::awaitable<Status> bind(ContainerId id, std::vector<std::string> users);

 private:
  Pins* pins_ = nullptr;
  std::string token_;
  std::vector<std::string> paths_;
  bool forwarded_ = false;
};

// What a pin stands for.
struct PinSource {
  std::string source;  // as its owner wrote it
  std::string bind;    // the entry of HostConfig.Binds that it was, or empty
};

class Pins {
 public:
  virtual ~Pins() = default;
  // Pins these with the owner's rights. When it returns they are mounted and what they are is on disk. Denied with a
  // sentence for the user. `users` as in PinHold::bind: a first guess at the ids.
  virtual boost::asio::awaitable<std::expected<PinHold, Denial>> hold(User owner,
                                                                      std::vector<admission::PinnedBind> binds,
                                                                      std::vector<std::string> users) = 0;
  // Before a start: looks at the folders again as their owner and pins them anew. Unset: the container may start,
  // having no pins or all of them. What was made before there were pins is started for admins only.
  virtual boost::asio::awaitable<std::optional<Denial>> pinAgain(ContainerId container, bool admin) = 0;
  virtual bool has(const ContainerId& container) const = 0;
  // Whether something is mounted there on which root in the container is root.
  virtual bool unmapped(const ContainerId& container) const = 0;
  virtual bool writable(const ContainerId& container) const = 0;  // one of its folders is
  // Of a pin of `login`'s containers, or of anybody's if it is empty; unset: it is none.
  virtual std::optional<PinSource> sourceOf(std::string_view path, std::string_view login) const = 0;
  // All pins are below it.
  virtual const std::string& directory() const = 0;

 protected:
  friend class PinHold;
  virtual boost::asio::awaitable<Status> bind(std::string token, ContainerId id, std::vector<std::string> users) = 0;
  virtual void release(std::string token) = 0;    // nothing was made
  virtual void uncertain(std::string token) = 0;  // ask the Engine what came of it
};

}  // namespace ds01::gateway
