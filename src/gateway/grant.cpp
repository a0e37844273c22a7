#include "gateway/grant.h"

namespace ds01::gateway {

Grant::~Grant() {
  if (grants_ == nullptr) return;
  if (forwarded_) {
    grants_->uncertain(ticket_, lease_ ? std::optional(lease_->id) : std::nullopt);
  } else {
    grants_->release(ticket_, lease_ ? std::optional(lease_->id) : std::nullopt);
  }
}

StartPermit::~StartPermit() {
  if (grants_ != nullptr) grants_->startEnded(std::move(lease_), started_);
}

void Grant::refused() {
  Grants* const grants = std::exchange(grants_, nullptr);
  if (grants != nullptr) grants->release(ticket_, lease_ ? std::optional(lease_->id) : std::nullopt);
}

boost::asio::awaitable<void> Grant::bind(ContainerId id, std::string name, Attribution whose) {
  Grants* const grants = std::exchange(grants_, nullptr);
  if (grants == nullptr) co_return;
  const std::optional<LeaseId> lease = lease_ ? std::optional(lease_->id) : std::nullopt;
  co_await grants->bind(ticket_, lease, std::move(id), std::move(name), std::move(whose));
}

}  // namespace ds01::gateway
