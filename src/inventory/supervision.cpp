#include "inventory/supervision.h"

#include <algorithm>
#include <utility>

namespace ds01::inventory {

Supervision::Supervision(SupervisionRules rules, TimePoint now)
    : rules_(rules),
      started_(now),
      spoke_(now),
      pause_(rules.first_pause),
      stale_("the NVIDIA driver has not answered yet") {}

void Supervision::started(TimePoint now) {
  state_ = State::Running;
  started_ = spoke_ = now;
}

void Supervision::confirmed(TimePoint now) {
  spoke_ = now;
  confirmed_ = now;
  stale_.clear();
}

void Supervision::failed(TimePoint now, std::string why) {
  spoke_ = now;
  confirmed_.reset();
  stale_ = std::move(why);
}

std::chrono::milliseconds Supervision::ended(TimePoint now) {
  if (state_ == State::Running && now - started_ >= rules_.steady) pause_ = rules_.first_pause;
  // What it has read is to be true until the next one has read.
  if (confirmed_ && *confirmed_ >= started_) pause_ = std::min(pause_, rules_.silence / 4);
  if (state_ == State::Running && spoke_ == started_ && !confirmed_) {
    stale_ = "the process that reads the NVIDIA driver ends without an answer";
  }
  state_ = State::Waiting;
  const std::chrono::milliseconds pause = pause_;
  pause_ = std::min(pause_ * 2, rules_.longest_pause);
  return pause;
}

bool Supervision::mustKill(TimePoint now) {
  // The clock of the machine may be set back: silence then counts from now.
  spoke_ = std::min(spoke_, now);
  if (state_ != State::Running || now - spoke_ < rules_.silence) return false;
  state_ = State::Killed;
  confirmed_.reset();
  stale_ = "the NVIDIA driver does not answer";
  return true;
}

const std::string& Supervision::staleReason(TimePoint now) {
  if (!confirmed_) return stale_;
  confirmed_ = std::min(*confirmed_, now);
  if (now - *confirmed_ >= rules_.silence) {
    confirmed_.reset();
    stale_ = "the NVIDIA driver does not answer";
  }
  return stale_;
}

std::optional<TimePoint> Supervision::deadline() const {
  std::optional<TimePoint> next;
  if (state_ == State::Running) next = spoke_ + rules_.silence;
  if (confirmed_) next = std::min(next.value_or(*confirmed_ + rules_.silence), *confirmed_ + rules_.silence);
  return next;
}

}  // namespace ds01::inventory
