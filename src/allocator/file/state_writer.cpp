#include "allocator/file/state_writer.h"

#include <utility>

namespace ds01::allocator {

StateWriter::StateWriter(Write write) : write_(std::move(write)), thread_([this] { run(); }) {}

StateWriter::~StateWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void StateWriter::write(std::string image, Done done) {
  {
    const std::lock_guard lock(mutex_);
    newest_ = std::move(image);
    if (done) waiting_.push_back(std::move(done));
  }
  wake_.notify_one();
}

void StateWriter::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return newest_ || stopping_; });
    if (!newest_) return;
    const std::string image = std::move(*newest_);
    newest_.reset();
    std::vector<Done> answered = std::exchange(waiting_, {});
    lock.unlock();
    const Status written = write_(image);
    for (const Done& done : answered) done(written);
    answered.clear();  // what the callbacks own dies here, not under the lock
    lock.lock();
  }
}

}  // namespace ds01::allocator
