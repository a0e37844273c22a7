#include "base/fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace ds01 {
namespace {

bool isOpen(int fd) {
  return ::fcntl(fd, F_GETFD) != -1;
}

TEST(Fd, MovingOverAnotherClosesIt) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  Fd first(ends[0]);
  Fd second(ends[1]);
  first = std::move(second);
  EXPECT_FALSE(isOpen(ends[0]));
  EXPECT_EQ(first.get(), ends[1]);
  first.reset();
  EXPECT_FALSE(isOpen(ends[1]));
}

TEST(Fd, ReleaseGivesUpOwnership) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const Fd other(ends[1]);
  int raw = -1;
  {
    Fd fd(ends[0]);
    raw = fd.release();
  }
  EXPECT_TRUE(isOpen(raw));
  ::close(raw);
}

}  // namespace
}  // namespace ds01
