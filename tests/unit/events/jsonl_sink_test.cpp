#include "events/jsonl/jsonl_sink.h"

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/fake_clock.h"
#include "support/temp_dir.h"

namespace ds01::events {
namespace {

using ds01::test::FakeClock;
using ds01::test::readFile;
using ds01::test::TempDir;

Event named(const std::string& type) {
  return {.type = type};
}

std::vector<std::string> linesOf(const std::string& path) {
  std::vector<std::string> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Types of the events in a file; "?" for a line that is no event.
std::string typesOf(const std::string& path) {
  std::string types;
  for (const std::string& line : linesOf(path)) {
    boost::system::error_code error;
    const boost::json::value value = boost::json::parse(line, error);
    const boost::json::object* object = error ? nullptr : value.if_object();
    const boost::json::value* type = object ? object->if_contains("event_type") : nullptr;
    types += (types.empty() ? "" : ",") + (type ? std::string(type->as_string()) : "?");
  }
  return types;
}

struct stat statusOf(const std::string& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status;
}

TEST(JsonlSink, AppendsLinesInOrderWithTheTimeOfTheEmitter) {
  const TempDir dir;
  const std::string path = dir.write("events.jsonl", "{\"event_type\":\"old\"}\n");
  FakeClock clock(TimePoint{std::chrono::seconds{1'795'467'310}});
  {
    JsonlSink sink({.path = path, .group = {}}, clock);
    sink.emit(named("a"));
    clock.advance(std::chrono::seconds{5});
    sink.emit(named("b"));
    sink.emit({.type = "c", .at = TimePoint{std::chrono::seconds{1}}});
  }
  EXPECT_EQ(typesOf(path), "old,a,b,c");
  const std::vector<std::string> lines = linesOf(path);
  EXPECT_NE(lines[1].find("2026-11-23T20:55:10.000Z"), std::string::npos);
  EXPECT_NE(lines[2].find("2026-11-23T20:55:15.000Z"), std::string::npos);
  EXPECT_NE(lines[3].find("1970-01-01T00:00:01.000Z"), std::string::npos);
}

TEST(JsonlSink, FlushWaitsForTheFile) {
  const TempDir dir;
  FakeClock clock;
  JsonlSink sink({.path = dir.file("e"), .group = {}}, clock);
  sink.flush();
  for (int i = 0; i < 1000; ++i) sink.emit(named("x"));
  sink.flush();
  EXPECT_EQ(linesOf(dir.file("e")).size(), 1000U);
  EXPECT_EQ(sink.dropped(), 0U);
}

TEST(JsonlSink, TheFileIsForItsGroup) {
  const TempDir dir;
  FakeClock clock;
  const std::string old = dir.write("old", "");
  ASSERT_EQ(::chmod(old.c_str(), 0666), 0);
  for (const std::string& path : {dir.file("new"), old}) {
    JsonlSink sink({.path = path, .group = ::getgid()}, clock);
    sink.emit(named("x"));
    sink.flush();
    EXPECT_EQ(statusOf(path).st_mode & 07777U, 0640U);
    EXPECT_EQ(statusOf(path).st_gid, ::getgid());
  }
  if (::geteuid() == 0) {
    JsonlSink sink({.path = dir.file("adm"), .group = 4}, clock);
    sink.emit(named("x"));
    sink.flush();
    EXPECT_EQ(statusOf(dir.file("adm")).st_gid, 4U);
    EXPECT_EQ(statusOf(dir.file("adm")).st_mode & 07777U, 0640U);
  }
}

TEST(JsonlSink, FollowsRotation) {
  const TempDir dir;
  FakeClock clock;
  const std::string path = dir.file("e");
  JsonlSink sink({.path = path, .group = {}}, clock);
  sink.emit(named("before"));
  sink.flush();
  ASSERT_EQ(std::rename(path.c_str(), dir.file("e.1").c_str()), 0);
  sink.emit(named("gone"));  // no file under the name
  sink.flush();
  ASSERT_EQ(std::rename(path.c_str(), dir.file("e.2").c_str()), 0);
  dir.write("e", "");
  sink.emit(named("other"));  // another file under the name
  sink.flush();
  std::filesystem::resize_file(path, 0);
  sink.emit(named("emptied"));  // copytruncate
  sink.flush();
  EXPECT_EQ(typesOf(dir.file("e.1")), "before");
  EXPECT_EQ(typesOf(dir.file("e.2")), "gone");
  EXPECT_EQ(typesOf(path), "emptied");
  EXPECT_EQ(readFile(path).find('\0'), std::string::npos);
  EXPECT_EQ(sink.dropped(), 0U);
}

TEST(JsonlSink, AFullDeviceCostsLinesAndNothingElse) {
  FakeClock clock;
  const struct stat before = statusOf("/dev/full");
  {
    JsonlSink sink({.path = "/dev/full", .group = ::getgid()}, clock);
    for (int i = 0; i < 3000; ++i) sink.emit(named("x"));
    sink.flush();
    EXPECT_EQ(sink.dropped(), 3000U);
  }
  // The device is not ours to change.
  EXPECT_EQ(statusOf("/dev/full").st_mode, before.st_mode);
  EXPECT_EQ(statusOf("/dev/full").st_gid, before.st_gid);
}

TEST(JsonlSink, WhatWasLostIsReportedWhenWritingWorksAgain) {
  const TempDir dir;
  FakeClock clock;
  const std::string path = dir.file("logs/e");
  JsonlSink sink({.path = path, .group = {}}, clock);
  for (int i = 0; i < 5; ++i) sink.emit(named("lost"));
  sink.flush();
  EXPECT_EQ(sink.dropped(), 5U);
  dir.makeDir("logs");
  sink.emit(named("first"));
  sink.flush();
  sink.emit(named("second"));
  sink.flush();
  EXPECT_EQ(typesOf(path), "events.lost,first,second");
  EXPECT_NE(linesOf(path).front().find(R"("details":{"count":5})"), std::string::npos);
  EXPECT_EQ(sink.dropped(), 5U);
}

// Files of this process end at `bytes` as on a full disk, until it goes out of scope.
class DiskLimit {
 public:
  explicit DiskLimit(rlim_t bytes) : old_handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_limit_);
    const rlimit limit{.rlim_cur = bytes, .rlim_max = old_limit_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  DiskLimit(const DiskLimit&) = delete;
  DiskLimit& operator=(const DiskLimit&) = delete;
  ~DiskLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_limit_);
    ::signal(SIGXFSZ, old_handler_);
  }

 private:
  void (*old_handler_)(int);
  rlimit old_limit_{};
};

TEST(JsonlSink, ALineCutByAFullDiskIsCountedAndEndedBeforeTheNext) {
  const TempDir dir;
  FakeClock clock;
  const std::string path = dir.file("e");
  const std::size_t line = encode({.type = "x", .at = clock.now()}).size() + 1;
  JsonlSink sink({.path = path, .group = {}}, clock);
  {
    const DiskLimit limit(2 * line + 10);
    for (int i = 0; i < 5; ++i) sink.emit(named("x"));
    sink.flush();
    EXPECT_EQ(sink.dropped(), 3U);
    sink.emit(named("x"));
    sink.flush();
    EXPECT_EQ(sink.dropped(), 4U);
  }
  sink.emit(named("next"));
  sink.flush();
  EXPECT_EQ(typesOf(path), "x,x,?,events.lost,next");
  EXPECT_NE(readFile(path).find(R"({"count":4})"), std::string::npos);
  EXPECT_EQ(sink.dropped(), 4U);
}

TEST(JsonlSink, AnOverfullQueueCostsLinesToo) {
  const TempDir dir;
  FakeClock clock;
  {
    JsonlSink sink({.path = dir.file("e"), .group = {}, .max_waiting = 0}, clock);
    for (int i = 0; i < 7; ++i) sink.emit(named("x"));
    EXPECT_EQ(sink.dropped(), 7U);
  }
  // At the latest when the service ends.
  EXPECT_EQ(typesOf(dir.file("e")), "events.lost");
  EXPECT_NE(readFile(dir.file("e")).find(R"({"count":7})"), std::string::npos);
}

TEST(JsonlSink, SaysThatItLosesLinesUntilALineIsWritten) {
  const TempDir dir;
  FakeClock clock;
  std::uint64_t told = 0;
  JsonlSink sink({.path = dir.file("later/e"), .group = {}, .on_loss = [&told](std::uint64_t n) { told += n; }}, clock);
  EXPECT_FALSE(sink.losing());
  sink.emit(named("x"));
  sink.flush();
  EXPECT_TRUE(sink.losing());
  sink.emit(named("x"));
  sink.flush();
  EXPECT_EQ(told, 2U);
  dir.makeDir("later");
  EXPECT_TRUE(sink.losing()) << "nobody has tried yet";
  sink.emit(named("x"));
  sink.flush();
  EXPECT_FALSE(sink.losing());
  EXPECT_EQ(told, 2U);
}

TEST(JsonlSink, ALineTornByACrashDoesNotSpoilTheNext) {
  const TempDir dir;
  FakeClock clock;
  const std::string path = dir.write("e", "{\"event_type\":\"whole\"}\n{\"event_ty");
  {
    JsonlSink sink({.path = path, .group = {}}, clock);
    sink.emit(named("next"));
  }
  EXPECT_EQ(typesOf(path), "whole,?,next");
}

TEST(JsonlSink, ALinkIsNotFollowed) {
  const TempDir dir;
  FakeClock clock;
  const std::string victim = dir.write("victim", "untouched");
  std::filesystem::create_symlink(victim, dir.file("e"));
  JsonlSink sink({.path = dir.file("e"), .group = {}}, clock);
  sink.emit(named("x"));
  sink.flush();
  EXPECT_EQ(readFile(victim), "untouched");
  EXPECT_EQ(sink.dropped(), 1U);
}

TEST(JsonlSink, APipeWithoutReaderDoesNotHoldUs) {
  const TempDir dir;
  FakeClock clock;
  const std::string path = dir.file("pipe");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  JsonlSink sink({.path = path, .group = {}}, clock);
  for (int i = 0; i < 2000; ++i) sink.emit(named("x"));
  sink.flush();
  // What nobody reads fills the pipe's buffer at most.
  EXPECT_GT(sink.dropped(), 0U);
}

TEST(JsonlSink, ManyThreads) {
  const TempDir dir;
  FakeClock clock;
  const std::string path = dir.file("e");
  {
    JsonlSink sink({.path = path, .group = {}}, clock);
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&sink] {
        for (int i = 0; i < 500; ++i) sink.emit({.type = "x", .details = {{"text", std::string(100, 'v')}}});
      });
    }
    threads.clear();
    EXPECT_EQ(sink.dropped(), 0U);
  }
  const std::vector<std::string> lines = linesOf(path);
  ASSERT_EQ(lines.size(), 2000U);
  for (const std::string& line : lines) ASSERT_EQ(line, lines.front());
}

}  // namespace
}  // namespace ds01::events
