#include "buildkit/file_sync.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ds01::buildkit {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kDirectory = 1ULL << 31U | 0755;
constexpr std::uint64_t kLink = 1ULL << 27U | 0777;
constexpr std::uint64_t kFile = 0644;

std::string varint(std::uint64_t value) {
  std::string out;
  for (; value > 0x7F; value >>= 7U) out += static_cast<char>(value | 0x80U);
  return out + static_cast<char>(value);
}
std::string number(int field, std::uint64_t value) {
  return varint(static_cast<std::uint64_t>(field) << 3U) + varint(value);
}
std::string text(int field, std::string_view value) {
  return varint(static_cast<std::uint64_t>(field) << 3U | 2U) + varint(value.size()) + std::string(value);
}
std::string stat(std::string_view path, std::uint64_t mode, const std::string& more = "") {
  return text(2, text(1, path) + number(2, mode) + more);
}
std::string data(std::uint64_t id, std::string_view bytes) {
  return number(1, 2) + number(3, id) + text(4, bytes);
}

// Unset: all pass, as they are.
std::optional<std::string> refusedAt(const std::vector<std::string>& packets) {
  SentFiles files;
  for (const std::string& packet : packets) {
    const Result<std::string> passed = files.next(packet);
    if (!passed) return passed.error().message();
    EXPECT_EQ(*passed, packet);
  }
  return std::nullopt;
}

TEST(SentFiles, aContextPassesAsItIs) {
  const std::string owned = number(3, 1000) + number(4, 1000) + number(5, 12) + number(6, 1'700'000'000'000'000'000);
  EXPECT_EQ(
      refusedAt({stat("Dockerfile", kFile, owned), stat("a b", kDirectory), stat("a b/\xc3\xa9", kDirectory),
                 stat("a b/\xc3\xa9/...", kFile), stat("a b/to", kLink, text(7, "../../etc/passwd")),
                 stat("run", 1ULL << 23U | 1ULL << 22U | 1ULL << 20U | 0777), stat("zero", 0777),
                 number(1, 2) + text(4, "FROM x"), number(1, 2), data(5, std::string(32768, '\0')), number(1, 3)}),
      std::nullopt);
}

TEST(SentFiles, theEndOfTheListPasses) {
  EXPECT_EQ(refusedAt({stat("a", kFile), "", number(1, 2) + text(4, "x"), number(1, 3)}), std::nullopt);
}

// The Engine's reader falls over what follows, and dockerd with it.
TEST(SentFiles, nothingFollowsAnEnd) {
  for (const std::vector<std::string>& packets :
       std::vector<std::vector<std::string>>{{"", ""},
                                             {"", stat("a", kFile)},
                                             {stat("a", kFile), "", number(1, 2) + text(4, "x"), stat("b", kFile)},
                                             {number(1, 3), number(1, 2) + text(4, "x")},
                                             {number(1, 3), number(1, 3)},
                                             {number(1, 3), stat("a", kFile)},
                                             {number(1, 4) + text(4, "gone"), number(1, 2) + text(4, "x")}}) {
    EXPECT_THAT(refusedAt(packets).value_or("passed"), HasSubstr("follows the end"));
  }
}

// The digest of a file is taken at its end.
TEST(SentFiles, contentsAreThoseOfFilesThatAreNotComplete) {
  const auto ends = [](std::uint64_t id) { return number(1, 2) + number(3, id); };
  const std::string first = number(1, 2);  // entry 0, and no more of it
  EXPECT_EQ(refusedAt({stat("a", kFile), stat("b", kFile), data(1, "x"), data(1, "y"), ends(1), first, number(1, 3)}),
            std::nullopt);
  for (const std::vector<std::string>& packets :
       std::vector<std::vector<std::string>>{{stat("a", kFile), first, first},
                                             {stat("a", kFile), first, number(1, 2) + text(4, "late")},
                                             {stat("a", kFile), stat("d", kDirectory), data(1, "x")},
                                             {stat("a", kFile), stat("l", kLink, text(7, "a")), data(1, "x")},
                                             {stat("a", kFile), data(1, "x")},
                                             {first},
                                             {stat("a", kFile), data((1ULL << 32U) + 0, "x")}}) {
    EXPECT_THAT(refusedAt(packets).value_or("passed"), HasSubstr("no file or is complete"));
  }
}

TEST(SentFiles, noLinkLiesWhereTheEngineWritesAFileFirst) {
  for (const std::string name : {".tmp.1", ".tmp.690507260", ".tmp."}) {
    EXPECT_THAT(refusedAt({stat(name, kLink, text(7, "/etc/passwd"))}).value_or("passed"), HasSubstr("reserved"));
    EXPECT_THAT(refusedAt({stat("d", kDirectory), stat("d/" + name, kFile)}).value_or("passed"), HasSubstr("reserved"));
  }
  EXPECT_EQ(refusedAt({stat(".tmp.1x", kFile), stat(".tmp", kFile), stat("tmp.1", kFile)}), std::nullopt);
  EXPECT_THAT(refusedAt({stat("l", kLink, text(7, std::string(4096, 'x')))}).value_or("passed"), HasSubstr("target"));
  EXPECT_EQ(refusedAt({stat("l", kLink, text(7, std::string(4095, 'x')))}), std::nullopt);
}

TEST(SentFiles, whatOnlyHarmsIsLeftOut) {
  SentFiles files;
  const std::string attribute = text(10, text(1, "security.capability") + text(2, "\1\2"));
  EXPECT_EQ(files.next(stat("f", kFile, attribute + number(8, 7) + number(9, 8))).value(), stat("f", kFile));
  EXPECT_EQ(files.next(stat("l", kLink, text(7, "/home/alice/sh") + attribute)).value(),
            stat("l", kLink, text(7, "/home/alice/sh")));
  // A hard link is a file of its own; the Engine asks for its contents.
  EXPECT_EQ(files.next(stat("m", kFile, text(7, "l/../../../etc/shadow"))).value(), stat("m", kFile));
  EXPECT_EQ(files.next(number(1, 0) + stat("n", kFile) + text(4, "beside")).value(), stat("n", kFile));
  EXPECT_EQ(files.next(data(2, "x") + stat("../o", kFile)).value(), data(2, "x"));
}

TEST(SentFiles, pathsStayBelowTheContext) {
  using namespace std::string_view_literals;
  for (const std::string_view path : {""sv, "."sv, ".."sv, "/"sv, "/etc"sv, "../x"sv, "a/.."sv, "a//b"sv, "a/"sv,
                                      "./a"sv, "a/./b"sv, "a/../b"sv, "a\0b"sv}) {
    EXPECT_THAT(refusedAt({stat("a", kDirectory), stat(path, kFile)}).value_or("passed"), HasSubstr("not below"))
        << path;
  }
  EXPECT_THAT(refusedAt({stat(std::string(256, 'x'), kFile)}).value_or("passed"), HasSubstr("too long"));
  EXPECT_EQ(refusedAt({stat(std::string(255, 'x'), kFile)}), std::nullopt);
}

TEST(SentFiles, nothingIsBelowWhatIsNoDirectory) {
  for (const std::vector<std::string>& packets : std::vector<std::vector<std::string>>{
           {stat("a/b", kFile)},
           {stat("a", kFile), stat("a/b", kFile)},
           {stat("a", kLink, text(7, "/etc")), stat("a/b", kFile)},
           {stat("a", kDirectory), stat("a", kLink, text(7, "/etc")), stat("a/b", kFile)},
           {stat("a", kDirectory), stat("a/b", kDirectory), stat("c", kDirectory), stat("a/b/d", kFile)},
           {stat("a", kDirectory), stat("a/b", kLink, text(7, "/")), stat("a/b/etc", kDirectory)},
           {stat("a", kDirectory), stat("ab/c", kFile)},
       }) {
    EXPECT_THAT(refusedAt(packets).value_or("passed"), HasSubstr("before its directory"));
  }
  EXPECT_EQ(refusedAt({stat("a", kDirectory), stat("a/b", kDirectory), stat("a/b/c", kFile), stat("a/d", kFile),
                       stat("e", kFile), stat("f", kDirectory), stat("f/g", kFile)}),
            std::nullopt);
}

TEST(SentFiles, onlyFilesDirectoriesAndLinks) {
  for (const unsigned bit : {31U, 30U, 29U, 28U, 26U, 25U, 24U, 21U, 19U, 18U, 12U, 9U}) {
    const std::uint64_t mode = (bit == 31U ? kLink : 0ULL) | 1ULL << bit | 0644;
    EXPECT_THAT(refusedAt({stat("Dockerfile", mode)}).value_or("passed"),
                HasSubstr("\"Dockerfile\" is neither a file nor a directory nor a symbolic link"))
        << bit;
  }
  EXPECT_THAT(refusedAt({stat("x", 1ULL << 32U | 0644)}).value_or("passed"), HasSubstr("32 bits"));
}

TEST(SentFiles, whatIsNoPacketEndsIt) {
  for (const std::string& packet :
       {number(1, 1), number(1, 5), number(1, 1ULL << 32U), text(5, ""), number(2, 1), text(1, ""), text(3, ""),
        number(4, 0), text(2, text(11, "")), text(2, number(1, 1)), text(2, text(2, "")), text(2, number(10, 1)),
        std::string("\x12\x05\x0a"), std::string("\x0a"), std::string("\xff")}) {
    SentFiles files;
    EXPECT_FALSE(files.next(packet)) << ::testing::PrintToString(packet);
  }
}

// As protobuf has it: fields of later ones win. What is sent on has one.
TEST(SentFiles, aPathThatIsSaidTwiceIsTheLastOne) {
  SentFiles files;
  EXPECT_EQ(files.next(stat("good", kFile) + text(2, text(1, "better"))).value(), stat("better", kFile));
  EXPECT_FALSE(files.next(stat("good", kFile) + text(2, text(1, "../bad"))));
  EXPECT_EQ(files.next(number(1, 2) + number(1, 0) + stat("last", kFile)).value(), stat("last", kFile));
}

}  // namespace
}  // namespace ds01::buildkit
