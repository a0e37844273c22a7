// How many connections may be open: of one account, of all users, and of those inside containers whom nobody has
// identified yet. Whoever is beyond that, or is refused for another reason, gets a sentence, and while it is told it
// keeps nobody else's place: those who are told are counted apart. Beyond that a connection is closed at once.
//
// Pure counting; single thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "gateway/account.h"

namespace ds01::gateway {

struct ConnectionLimits {
  std::size_t of_users = 1024;  // all but root on the host, whom nobody keeps out
  std::size_t per_account = 256;
  std::size_t told = 64;
  std::size_t told_per_account = 16;

  // Of the places of all users, for accounts that are not on the host: a container's connections count for its owner
  // once it is known, but before that whoever has many containers, or namespaces, has many accounts.
  std::size_t inside() const { return of_users - of_users / 2; }
};

class ConnectionCaps {
 public:
  explicit ConnectionCaps(const ConnectionLimits& limits) : limits_(limits) {}
  ConnectionCaps(const ConnectionCaps&) = delete;
  ConnectionCaps& operator=(const ConnectionCaps&) = delete;
  ~ConnectionCaps() = default;

  // What one connection occupies, until it is destroyed. Must not outlive the caps.
  class Place {
   public:
    Place(Place&& other) noexcept;
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    Place& operator=(Place&&) = delete;
    ~Place() { leave(); }

    bool held() const { return kind_ == Kind::Held; }      // it may ask
    bool closed() const { return kind_ == Kind::Closed; }  // neither that nor told why not: close it
    const Account& account() const { return account_; }
    std::string whyNot() const;  // a sentence, of a connection that was not held for want of room

    // It is this account's from here on, if there is room for it.
    void moveTo(const Account& account);
    // It is refused for another reason: only to be told.
    void refuse();

   private:
    friend class ConnectionCaps;
    enum class Kind : std::uint8_t { Held, Told, Closed };
    Place(ConnectionCaps& caps, const Account& account) : caps_(&caps), account_(account) { enter(); }
    void enter();
    void enterTold();
    void leave();

    ConnectionCaps* caps_;  // null: moved from
    Account account_;
    Kind kind_ = Kind::Closed;
    bool account_full_ = false;
  };

  Place enter(const Account& account) { return {*this, account}; }

 private:
  struct Count {
    std::size_t held = 0;
    std::size_t told = 0;
  };

  ConnectionLimits limits_;
  std::map<Account, Count> accounts_;  // none is all zero
  Count users_;
  std::size_t held_inside_ = 0;
};

}  // namespace ds01::gateway
