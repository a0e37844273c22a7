// What the gateway keeps of volumes and networks beside the Engine: who had them, and who is about to use a name. Data
// only; one thread.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ds01::gateway {

// Whose labels these are; unset: nobody's.
std::optional<std::string> ownerByLabels(const std::map<std::string, std::string>& labels);

// Who had what was looked at last: an event that tells of a removal comes when nothing can be looked up any more.
class ObjectMemory {
 public:
  static constexpr std::size_t kMost = 8192;  // then the oldest is forgotten

  static std::string volume(std::string_view name) { return "volume/" + std::string(name); }
  static std::string network(std::string_view id) { return "network/" + std::string(id); }

  // `key` says of what: ObjectMemory::volume() or network().
  void remember(std::string key, std::optional<std::string> owner);
  std::optional<std::string> ownerOf(std::string_view key) const;

 private:
  std::map<std::string, std::optional<std::string>, std::less<>> owners_;
  std::deque<std::string> order_;
};

// Names that requests in flight are about to make, use or remove something under. All that hold one at a time are of
// one holder: a login, or what the callers agree on.
class NameClaims {
 public:
  NameClaims() = default;
  NameClaims(const NameClaims&) = delete;
  NameClaims& operator=(const NameClaims&) = delete;
  ~NameClaims() = default;

  // Must not outlive the NameClaims.
  class Claim {
   public:
    Claim() = default;
    Claim(Claim&& other) noexcept
        : claims_(std::exchange(other.claims_, nullptr)), name_(std::exchange(other.name_, {})) {}
    Claim& operator=(Claim&& other) noexcept;
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;
    ~Claim() { end(); }
    void end();

   private:
    friend class NameClaims;
    Claim(NameClaims* claims, std::string name) : claims_(claims), name_(std::move(name)) {}
    NameClaims* claims_ = nullptr;
    std::string name_;
  };

  // Unset: another holder has it.
  std::optional<Claim> take(const std::string& name, const std::string& holder);
  bool held(std::string_view name) const { return held_.contains(name); }
  std::size_t size() const { return held_.size(); }

 private:
  struct Held {
    std::string holder;
    std::size_t count = 0;
  };
  std::map<std::string, Held, std::less<>> held_;
};

}  // namespace ds01::gateway
