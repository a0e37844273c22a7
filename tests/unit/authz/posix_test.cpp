#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "authz/posix/break_glass_file.h"
#include "authz/posix/key_file.h"
#include "authz/posix/seal.h"
#include "authz/posix/ticket_office.h"
#include "base/time_text.h"
#include "support/temp_dir.h"

namespace ds01::authz::posix {
namespace {

using test::TempDir;

std::string hex(const Mac& mac) {
  std::string out;
  for (const unsigned char byte : mac) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", byte);
    out += digits;
  }
  return out;
}

TEST(Seal, isHmacSha256) {
  // RFC 4231, test cases 1 and 2.
  EXPECT_EQ(hex(sealWith(std::string(20, '\x0b'))("Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(sealWith("Jefe")("what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(newKey().size(), kKeyBytes);
  EXPECT_NE(newKey(), newKey());
}

TEST(KeyFile, isMadeOnceAndSharedByAll) {
  const TempDir dir;
  const std::string path = dir.file("authz.key");
  KeyFile signer(path);
  ASSERT_TRUE(signer.current().has_value());
  EXPECT_EQ(*signer.current(), nullptr);
  KeyFile checker(path);
  const auto made = checker.currentOrNew();
  ASSERT_TRUE(made.has_value()) << made.error().message();
  struct stat there{};
  ASSERT_EQ(::lstat(path.c_str(), &there), 0);
  EXPECT_EQ(there.st_mode & 07777, 0600U);
  EXPECT_EQ(there.st_nlink, 1U) << "the draft is gone";
  const auto found = signer.current();
  ASSERT_TRUE(found.has_value() && *found != nullptr);
  EXPECT_EQ((**found)("x"), (**made)("x"));
}

TEST(KeyFile, aRemovedKeyIsPutBackAndAReplacedOneIsTaken) {
  const TempDir dir;
  const std::string path = dir.file("authz.key");
  KeyFile file(path);
  const Mac before = (**file.currentOrNew())("x");
  ::unlink(path.c_str());
  EXPECT_EQ((**file.currentOrNew())("x"), before);
  ::unlink(path.c_str());
  KeyFile other(path);
  const Mac after = (**other.currentOrNew())("x");
  EXPECT_NE(after, before);
  EXPECT_EQ((**file.currentOrNew())("x"), after);
}

TEST(KeyFile, whatOthersMayReadOrIsNoKeyIsNotUsed) {
  const TempDir dir;
  KeyFile open(dir.write("open", std::string(32, 'k')));
  ::chmod(dir.file("open").c_str(), 0640);
  EXPECT_EQ(open.currentOrNew().error().code(), ErrorCode::PermissionDenied);
  for (const std::size_t size : {0U, 31U, 33U}) {
    KeyFile bad(dir.write("bad", std::string(size, 'k')));
    ::chmod(dir.file("bad").c_str(), 0600);
    EXPECT_EQ(bad.currentOrNew().error().code(), ErrorCode::Malformed) << size;
  }
  ASSERT_EQ(::symlink(dir.file("open").c_str(), dir.file("link").c_str()), 0);
  KeyFile link(dir.file("link"));
  EXPECT_FALSE(link.currentOrNew().has_value());
  KeyFile nowhere(dir.file("none/authz.key"));
  EXPECT_FALSE(nowhere.currentOrNew().has_value());
}

TEST(TicketOffice, writesWhatTheKeyOpensAndNothingWithoutAKey) {
  const TempDir dir;
  const std::string path = dir.file("authz.key");
  TicketOffice office(path);
  const auto none = office.ticketFor("GET", "/info");
  ASSERT_TRUE(none.has_value());
  EXPECT_FALSE(none->has_value());
  KeyFile checker(path);
  const auto mac = checker.currentOrNew();
  const auto first = office.ticketFor("GET", "/info");
  const auto second = office.ticketFor("GET", "/info");
  ASSERT_TRUE(first.has_value() && first->has_value() && second.has_value() && second->has_value());
  EXPECT_NE(**first, **second);
  EXPECT_TRUE(readTicket(**first, "GET", "/info", **mac).has_value());
}

TEST(BreakGlassFile, isOpenedByAPlainFileOfOnesOwnOnly) {
  const TempDir dir;
  const TimePoint now = parseRfc3339("2026-11-29T12:00:00Z").value();
  EXPECT_EQ(lookAtBreakGlass(dir.file("none"), now).problem, "");
  const std::string path = dir.write("glass", "2026-11-29T13:00:00Z\n");
  ::chmod(path.c_str(), 0644);
  EXPECT_TRUE(lookAtBreakGlass(path, now).until.has_value());
  for (const mode_t mode : {0664U, 0646U}) {
    ::chmod(path.c_str(), mode);
    EXPECT_FALSE(lookAtBreakGlass(path, now).until.has_value());
  }
  ::chmod(path.c_str(), 0600);
  ASSERT_EQ(::symlink(path.c_str(), dir.file("link").c_str()), 0);
  ASSERT_EQ(::mkfifo(dir.file("fifo").c_str(), 0600), 0);
  dir.write("long", "2026-11-29T13:00:00Z" + std::string(1000, ' '));
  ::chmod(dir.file("long").c_str(), 0600);
  for (const std::string_view name : {"link", "fifo", "long", ""}) {
    const BreakGlass glass = lookAtBreakGlass(dir.file(name), now);
    EXPECT_FALSE(glass.until.has_value()) << name;
    EXPECT_NE(glass.problem, "") << name;
  }
}

}  // namespace
}  // namespace ds01::authz::posix
