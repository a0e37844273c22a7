#include "gateway/pinning.h"

namespace ds01::gateway {

PinHold::~PinHold() {
  if (pins_ == nullptr) return;
  if (forwarded_) {
    pins_->uncertain(std::move(token_));
  } else {
    pins_->release(std::move(token_));
  }
}

void PinHold::refused() {
  if (Pins* pins = std::exchange(pins_, nullptr)) pins->release(std::move(token_));
}

boost::asio::awaitable<Status> PinHold::bind(ContainerId id, std::vector<std::string> users) {
  Pins* pins = std::exchange(pins_, nullptr);
  if (pins == nullptr) co_return Status{};
  co_return co_await pins->bind(std::move(token_), std::move(id), std::move(users));
}

}  // namespace ds01::gateway
