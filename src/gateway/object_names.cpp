#include "gateway/object_names.h"

namespace ds01::gateway {

std::optional<std::string> ownerByLabels(const std::map<std::string, std::string>& labels) {
  const auto user = labels.find("ds01.user");
  if (user == labels.end() || user->second.empty()) return std::nullopt;
  return user->second;
}

void ObjectMemory::remember(std::string key, std::optional<std::string> owner) {
  const auto [known, added] = owners_.insert_or_assign(key, std::move(owner));
  if (!added) return;
  order_.push_back(std::move(key));
  if (order_.size() <= kMost) return;
  owners_.erase(order_.front());
  order_.pop_front();
}

std::optional<std::string> ObjectMemory::ownerOf(std::string_view key) const {
  const auto known = owners_.find(key);
  return known == owners_.end() ? std::nullopt : known->second;
}

NameClaims::Claim& NameClaims::Claim::operator=(Claim&& other) noexcept {
  if (this == &other) return *this;
  end();
  claims_ = std::exchange(other.claims_, nullptr);
  name_ = std::exchange(other.name_, {});
  return *this;
}

void NameClaims::Claim::end() {
  NameClaims* const claims = std::exchange(claims_, nullptr);
  if (claims == nullptr) return;
  const auto held = claims->held_.find(name_);
  if (--held->second.count == 0) claims->held_.erase(held);
}

std::optional<NameClaims::Claim> NameClaims::take(const std::string& name, const std::string& holder) {
  Held& held = held_[name];
  if (held.count > 0 && held.holder != holder) return std::nullopt;
  held.holder = holder;
  ++held.count;
  return Claim(this, name);
}

}  // namespace ds01::gateway
