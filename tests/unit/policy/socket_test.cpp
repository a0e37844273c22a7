// Whose server is it: a socket that a user could have put there is not the site's.
#include <cstring>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "policy/opa/opa_client.h"
#include "support/temp_dir.h"

namespace ds01::policy::opa {
namespace {

// Of root, below a sticky directory, as it is on every machine: only what is root's cannot be replaced there.
class PolicySocket : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, to make what belongs to others";
    ::chmod(top_.path().c_str(), 0755);
    std::filesystem::create_directory(dir_);
    ::chmod(dir_.c_str(), 0755);
    ASSERT_TRUE(listener_.valid());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ASSERT_LT(path_.size(), sizeof address.sun_path);
    std::memcpy(address.sun_path, path_.c_str(), path_.size());
    ASSERT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::chmod(path_.c_str(), 0700);
  }

  static testing::AssertionResult refused(const std::string& path, const std::string& because) {
    const Status status = checkSocket(path);
    if (status) return testing::AssertionFailure() << "taken for safe";
    if (status.error().code() != ErrorCode::PermissionDenied) return testing::AssertionFailure() << "another error";
    if (status.error().message().find(because) == std::string::npos) {
      return testing::AssertionFailure() << status.error().message();
    }
    return testing::AssertionSuccess();
  }

  test::TempDir top_;
  std::string dir_ = top_.file("d");
  std::string path_ = dir_ + "/s";
  Fd listener_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
};

TEST_F(PolicySocket, RootsOwnIsSafe) {
  const Status status = checkSocket(path_);
  EXPECT_TRUE(status) << status.error().message();
}

TEST_F(PolicySocket, TheServersOwnDirectoryIsSafe) {
  ASSERT_EQ(::chown(path_.c_str(), 65534, 65534), 0);
  ASSERT_EQ(::chown(dir_.c_str(), 65534, 65534), 0);
  ::chmod(dir_.c_str(), 0700);
  ::chmod(path_.c_str(), 0755);
  const Status status = checkSocket(path_);
  EXPECT_TRUE(status) << status.error().message();
}

TEST_F(PolicySocket, OneThatOthersMayOpenIsNot) {
  ::chmod(path_.c_str(), 0755);
  EXPECT_TRUE(refused(path_, "--unix-socket-perm 700"));
}

TEST_F(PolicySocket, NorOneInADirectoryOfSomebodyElse) {
  ASSERT_EQ(::chown(dir_.c_str(), 1234, 1234), 0);
  EXPECT_TRUE(refused(path_, "belongs to uid 1234"));
}

TEST_F(PolicySocket, NorWhereOthersMayWrite) {
  ::chmod(dir_.c_str(), 0775);
  EXPECT_TRUE(refused(path_, "can be written by others"));
}

TEST_F(PolicySocket, InAStickyDirectoryOnlyRootsOwnIs) {
  ::chmod(dir_.c_str(), 01777);
  EXPECT_TRUE(checkSocket(path_));
  ASSERT_EQ(::chown(path_.c_str(), 1234, 1234), 0);
  EXPECT_TRUE(refused(path_, "can be written by others")) << "anybody could have made it";
}

TEST_F(PolicySocket, ALinkOrAFileIsNone) {
  const std::string link = dir_ + "/l";
  std::filesystem::create_symlink(path_, link);
  EXPECT_TRUE(refused(link, "is not a socket"));
}

TEST_F(PolicySocket, WhatIsNotThereIsNotDistrusted) {
  EXPECT_EQ(checkSocket(dir_ + "/none").error().code(), ErrorCode::NotFound);
}

}  // namespace
}  // namespace ds01::policy::opa
