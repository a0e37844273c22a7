#include "base/error.h"

#include <cerrno>

#include <gtest/gtest.h>

#include "base/result.h"

namespace ds01 {
namespace {

TEST(Error, ContextGoesInFrontAndKeepsTheCode) {
  const Error error = Error::fromErrno(ENOENT, "open /etc/x").context("load limits");
  EXPECT_EQ(error.message(), "load limits: open /etc/x: No such file or directory");
  EXPECT_EQ(error.code(), ErrorCode::NotFound);
}

TEST(Error, PermissionAndPeerLossHaveTheirOwnCodes) {
  EXPECT_EQ(Error::fromErrno(EACCES, "x").code(), ErrorCode::PermissionDenied);
  EXPECT_EQ(Error::fromErrno(ECONNREFUSED, "x").code(), ErrorCode::Unavailable);
  EXPECT_EQ(Error::fromErrno(EIO, "x").code(), ErrorCode::Io);
}

TEST(Error, FailMakesAResult) {
  const Result<int> result = fail(ErrorCode::Conflict, "taken");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message(), "taken");
}

}  // namespace
}  // namespace ds01
