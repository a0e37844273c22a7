#include "gateway/archive_guard.h"

#include <gtest/gtest.h>

#include "tar_bytes.h"

namespace ds01::gateway {
namespace {

using test::extended;
using test::file;
using test::header;
using test::kEnd;
using test::padded;
using test::record;
using test::withSum;

// The status of the denial in whatever pieces the bytes come; 0 without one.
template <typename Guard = ArchiveGuard>
int status(const std::string& bytes) {
  std::optional<int> first;
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{512}, bytes.size()}) {
    Guard guard;
    int found = 0;
    for (std::size_t at = 0; at < bytes.size() && found == 0; at += step) {
      if (const auto denial = guard.feed(std::string_view(bytes).substr(at, step))) found = denial->http_status;
    }
    EXPECT_EQ(found, first.value_or(found)) << "in pieces of " << step;
    first = found;
  }
  return first.value_or(0);
}

TEST(ArchiveGuard, FilesFoldersAndLinksPass) {
  EXPECT_EQ(status(""), 0);
  EXPECT_EQ(status(kEnd), 0);
  EXPECT_EQ(status(file("") + file(std::string(513, 'a')) + header('5', 0, "d/") + header('2') + header('1') +
                   header('6') + kEnd),
            0);
  EXPECT_EQ(status(header('L', 600) + padded(std::string(600, 'n')) + file("a") + kEnd + kEnd), 0);
  EXPECT_EQ(status(extended(record("comment", "c"), 'g') + extended(record("path", "long")) + file("a") + kEnd), 0);
  EXPECT_EQ(status(header('\0', 3) + padded("old") + header('\0', 0, "d/") + kEnd), 0);
}

TEST(ArchiveGuard, DeviceFilesAreRefused) {
  for (const char type : {'3', '4'}) {
    EXPECT_EQ(status(header(type)), 403);
    EXPECT_EQ(status(file(std::string(2000, 'a')) + header(type) + kEnd), 403);
    EXPECT_EQ(status(extended(record("path", "dev")) + header(type)), 403);
    EXPECT_EQ(status(header('L', 4) + padded("name") + header(type, 5000)), 403);
  }
}

// Each hides a device where a reader with another idea of an entry's length would find it.
TEST(ArchiveGuard, SizesAreThoseOfGo) {
  const std::string device = header('4');
  EXPECT_EQ(status(header('5', 512) + device), 403) << "a folder has no contents";
  EXPECT_EQ(status(header('2', 512) + device), 403) << "a link has none";
  EXPECT_EQ(status(header('6', 512) + device), 403) << "a fifo has none";
  EXPECT_EQ(status(extended(record("size", "0")) + header('0', 512) + device), 403) << "the extended size counts";
  EXPECT_EQ(status(extended(record("size", "9") + record("size", "0")) + header('0', 512) + device), 403) << "the last";
  EXPECT_EQ(status(extended(record("size", "512")) + file("") + device), 0) << "contents that look like a header";
  EXPECT_EQ(status(header('0', 512, "d/") + device), 0);
  EXPECT_EQ(status(header('\0', 512, "d/") + device), 400) << "Go takes it for a folder";
  EXPECT_EQ(status(extended(record("path", "d/")) + header('\0', 512) + device), 400);
  EXPECT_EQ(status(header('L', 3) + padded("d/") + header('\0', 512) + device), 400);
}

// Where Go reads a folder and goes on with the next header.
TEST(ArchiveGuard, WhatHasNoTypeHasOneName) {
  const std::string device = header('4');
  EXPECT_EQ(status(extended(record("path", "d/") + record("size", "512")) + header('\0', 0) + device), 400);
  EXPECT_EQ(status(extended(record("size", "512")) + header('\0', 0, "d/") + device), 400);
  std::string prefixed = header('\0', 512, "");
  prefixed.replace(345, 1, "d");
  EXPECT_EQ(status(withSum(prefixed) + device), 400);
  EXPECT_EQ(status(header('\0', 512, "") + device), 400);
  EXPECT_EQ(status(header('\0', 512, "f") + padded(std::string(512, 'a')) + device), 403);
}

TEST(ArchiveGuard, NamesAreBounded) {
  const auto named = [](char type, std::size_t size) { return header(type, size) + padded(std::string(size, 'n')); };
  EXPECT_EQ(status(named('L', 4096) + named('K', 4096) + file("a")), 0);
  EXPECT_EQ(status(named('L', 4097)), 400);
  EXPECT_EQ(status(named('L', 4) + named('L', 4)), 400);
  EXPECT_EQ(status(named('K', 4) + named('K', 4)), 400);
  EXPECT_EQ(status(named('L', 4) + file("a") + named('L', 4) + file("a")), 0);
  EXPECT_EQ(status(extended(record("path", std::string(4097, 'n')))), 400);
  EXPECT_EQ(status(extended(record("path", "a") + record("path", "b") + record("path", "c")) + file("a")), 400);
}

TEST(ArchiveGuard, OtherFormatsOfHeadersAreRefused) {
  std::string star = header('0');
  star.replace(508, 4, std::string("tar\0", 4));
  EXPECT_EQ(status(withSum(star)), 400);
}

TEST(ArchiveGuard, WhatIsAmbiguousIsRefused) {
  std::string wrong_sum = header('0');
  wrong_sum[0] = 'y';
  EXPECT_EQ(status(wrong_sum), 400);
  std::string negative = header('0');
  negative[124] = '\xff';
  EXPECT_EQ(status(withSum(negative)), 400);
  std::string spaced = header('0');
  spaced.replace(124, 11, "0000 000001");
  EXPECT_EQ(status(withSum(spaced)), 400);
  for (const char type : {'S', '7', 'V', 'M', 'X', 'D', 'N', '8'}) EXPECT_EQ(status(header(type)), 400) << type;
  EXPECT_EQ(status(extended(record("GNU.sparse.major", "1"))), 400);
  EXPECT_EQ(status(extended(record("size", "-1"))), 400);
  EXPECT_EQ(status(extended(record("size", "0x10"))), 400);
  EXPECT_EQ(status(extended(record("size", "1"), 'g')), 400);
  EXPECT_EQ(status(extended(record("path", "a")) + extended(record("path", "b"))), 400);
  EXPECT_EQ(status(extended(record("path", "a")) + extended(record("comment", "b"), 'g')), 400);
  for (const char* bad : {"5 a=b", "99 a=b\n", "1 a=b\n", "a=b\n", "6 a=b\n\n", "7 abcd\n", "0 \n"}) {
    EXPECT_EQ(status(extended(bad)), 400) << bad;
  }
  EXPECT_EQ(status(header('x', 2UL * 1024 * 1024)), 400);
  EXPECT_EQ(status(std::string(512, '\0') + header('4')), 400) << "after the end";
}

TEST(ArchiveGuard, CompressionIsRefusedAtOnce) {
  const std::string rest(100, 'z');
  EXPECT_EQ(status("\x1f\x8b\x08" + rest), 400);
  EXPECT_EQ(status("BZh9" + rest), 400);
  EXPECT_EQ(status(std::string("\xfd"
                               "7zXZ\0",
                               6) +
                   rest),
            400);
  EXPECT_EQ(status("\x28\xb5\x2f\xfd" + rest), 400);
  EXPECT_EQ(status("\x5a\x2a\x4d\x18" + rest), 400);
  EXPECT_EQ(status(file("a") + file("b", "BZh9")), 0) << "only at the beginning";
}

TEST(ArchiveGuard, LargeSizesInBase256) {
  std::string large = header('0');
  large.replace(124, 12, std::string("\x80\0\0\0\0\0\0\x03\0\0\0\0", 12));  // 12 GiB
  EXPECT_EQ(status(withSum(large)), 0);
  large.replace(124, 12, "\x80" + std::string(11, '\xff'));
  EXPECT_EQ(status(withSum(large)), 400);
}

TEST(ContextGuard, FilesFoldersAndLinksPass) {
  EXPECT_EQ(status<ContextGuard>(file("FROM x") + header('5', 0, "d/") + header('2') + header('1') + kEnd), 0);
  EXPECT_EQ(status<ContextGuard>(""), 0);
}

TEST(ContextGuard, WhatBlocksOrIsNoFileIsRefused) {
  for (const char type : {'3', '4', '6'}) {
    EXPECT_EQ(status<ContextGuard>(header(type)), 403);
    EXPECT_EQ(status<ContextGuard>(file(std::string(2000, 'a')) + header(type, 0, "Dockerfile") + kEnd), 403);
    EXPECT_EQ(status<ContextGuard>(extended(record("path", "Dockerfile")) + header(type)), 403);
  }
}

TEST(ContextGuard, CompressedOnesAreRefusedWithTheWayOut) {
  ContextGuard guard;
  const std::optional<Denial> denial = guard.feed(std::string("\x1f\x8b\x08\0", 4));
  ASSERT_TRUE(denial);
  EXPECT_EQ(denial->http_status, 400);
  EXPECT_NE(denial->text.find("gunzip -c FILE | docker build -"), std::string::npos) << denial->text;
}

}  // namespace
}  // namespace ds01::gateway
