#include "allocator/file/state_writer.h"

#include <atomic>
#include <future>
#include <semaphore>

#include <gtest/gtest.h>

#include "allocator/file/state_file.h"
#include "support/temp_dir.h"

namespace ds01::allocator {
namespace {

// A disk whose writes last until the test lets them go.
class SlowDisk {
 public:
  StateWriter::Write write() {
    return [this](std::string_view image) -> Status {
      images_.emplace_back(image);
      started_.release();
      go_.acquire();
      if (broken_) return fail(ErrorCode::Io, "disk full");
      return {};
    };
  }
  void waitUntilBusy() { started_.acquire(); }
  void letGo(std::ptrdiff_t writes = 1) { go_.release(writes); }
  void breakDown() { broken_ = true; }
  // After the writer has gone.
  const std::vector<std::string>& images() const { return images_; }

 private:
  std::counting_semaphore<> started_{0};
  std::counting_semaphore<> go_{0};
  std::atomic<bool> broken_ = false;
  std::vector<std::string> images_;
};

TEST(StateWriter, WritesAndAnswersOnItsOwnThread) {
  std::vector<std::string> images;
  std::promise<std::thread::id> answered;
  {
    StateWriter writer([&](std::string_view image) -> Status {
      images.emplace_back(image);
      return {};
    });
    writer.write("a", [&](const Status& status) {
      EXPECT_TRUE(status);
      answered.set_value(std::this_thread::get_id());
    });
    EXPECT_NE(answered.get_future().get(), std::this_thread::get_id());
  }
  EXPECT_EQ(images, std::vector<std::string>{"a"});
}

TEST(StateWriter, WhatWaitsIsOneWriteOfTheNewest) {
  SlowDisk disk;
  std::string order;
  {
    StateWriter writer(disk.write());
    const auto note = [&order](char name) { return [&order, name](const Status&) { order += name; }; };
    writer.write("1", note('1'));
    disk.waitUntilBusy();
    writer.write("2", note('2'));
    writer.write("3", {});
    writer.write("4", note('4'));
    disk.letGo(2);
  }
  EXPECT_EQ(disk.images(), (std::vector<std::string>{"1", "4"}));
  EXPECT_EQ(order, "124");
}

TEST(StateWriter, AnswersComeAfterTheWriteThatCoversThem) {
  SlowDisk disk;
  std::atomic<bool> second = false;
  std::promise<void> first;
  StateWriter writer(disk.write());
  writer.write("1", [&](const Status&) { first.set_value(); });
  disk.waitUntilBusy();
  writer.write("2", [&](const Status&) { second = true; });
  disk.letGo();
  first.get_future().wait();
  disk.waitUntilBusy();  // the second write has begun but not ended
  EXPECT_FALSE(second);
  disk.letGo();
}

TEST(StateWriter, AFailureReachesAllWhoWaited) {
  SlowDisk disk;
  disk.breakDown();
  std::vector<Status> answers;
  {
    StateWriter writer(disk.write());
    writer.write("1", {});
    disk.waitUntilBusy();
    for (int i = 0; i < 3; ++i) writer.write("2", [&](Status status) { answers.push_back(std::move(status)); });
    disk.letGo(2);
  }
  ASSERT_EQ(answers.size(), 3U);
  for (const Status& answer : answers) {
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().message(), "disk full");
  }
}

TEST(StateWriter, ACallbackMayWriteEvenWhileTheWriterStops) {
  std::vector<std::string> images;
  int answers = 0;
  {
    std::optional<StateWriter> writer;
    writer.emplace([&](std::string_view image) -> Status {
      images.emplace_back(image);
      return {};
    });
    StateWriter& use = *writer;
    use.write("1", [&](const Status&) {
      ++answers;
      use.write("2", [&](const Status&) { ++answers; });
    });
  }
  EXPECT_EQ(images, (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(answers, 2);
}

TEST(StateWriter, ManyThreadsOneFile) {
  const ds01::test::TempDir dir;
  const StateFile file(dir.file("state.json"));
  std::atomic<int> answers = 0;
  std::atomic<int> sequence = 0;
  {
    StateWriter writer([&](std::string_view image) { return file.write(image); });
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 50; ++i) {
          writer.write(std::to_string(++sequence), [&](const Status& status) { answers += status ? 1 : 0; });
        }
      });
    }
    threads.clear();
    writer.write("last", {});
  }
  EXPECT_EQ(answers, 200);
  EXPECT_EQ(**file.read(), "last");
}

}  // namespace
}  // namespace ds01::allocator
