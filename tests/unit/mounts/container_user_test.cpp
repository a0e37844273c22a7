#include "mounts/container_user.h"

#include <gtest/gtest.h>

namespace ds01::mounts {
namespace {

constexpr const char* kPasswd =
    "root:x:0:0:root:/root:/bin/sh\n"
    "# nobody writes comments here\n"
    "broken:x:1:\n"
    "jovyan:x:1000:100::/home/jovyan:/bin/bash\n"
    "77:x:1234:1234::/:/bin/sh\n"
    "huge:x:4294967295:0::/:/bin/sh\n";
constexpr const char* kGroup = "root:x:0:\nusers:x:100:jovyan\nlab:x:2000:";

std::string ids(std::string_view spec) {
  const auto found = idsOfUser(spec, kPasswd, kGroup);
  return found ? std::to_string(found->uid) + ":" + std::to_string(found->gid) : "-";
}

TEST(ContainerUser, IsFoundAsRuncFindsIt) {
  EXPECT_EQ(ids(""), "0:0");
  EXPECT_EQ(ids("root"), "0:0");
  EXPECT_EQ(ids("jovyan"), "1000:100");
  EXPECT_EQ(ids("1000"), "1000:100") << "a number that the file knows has the group of there";
  EXPECT_EQ(ids("1001"), "1001:0");
  EXPECT_EQ(ids("77"), "1234:1234") << "names go before numbers";
  EXPECT_EQ(ids("jovyan:lab"), "1000:2000");
  EXPECT_EQ(ids("jovyan:2000"), "1000:2000");
  EXPECT_EQ(ids("1:5"), "1:5");
  EXPECT_EQ(ids("1000:"), "1000:100");
  EXPECT_EQ(ids(":lab"), "0:2000");
}

TEST(ContainerUser, IsUnknownWhereAContainerWouldNotStart) {
  for (const char* spec : {"nobody", "jovyan:wheel", "huge", "4294967295", "-1", "1 ", "1:x", "0x0"}) {
    EXPECT_EQ(ids(spec), "-") << spec;
  }
}

TEST(ContainerUser, NeedsNoFilesForRootAndForTwoNumbers) {
  EXPECT_EQ(idsOfPlainUser(""), ViewIds{});
  EXPECT_EQ(idsOfPlainUser("root:0"), ViewIds{});
  EXPECT_EQ(idsOfPlainUser("5:6"), (ViewIds{5, 6}));
  for (const char* spec : {"5", "jovyan", "jovyan:5", "5:users", "root:users", "0:5x"}) {
    EXPECT_FALSE(idsOfPlainUser(spec)) << spec;
  }
  EXPECT_EQ(idsOfUser("root", "", ""), ViewIds{});
  EXPECT_EQ(idsOfUser("5", "", ""), (ViewIds{5, 0}));
}

}  // namespace
}  // namespace ds01::mounts
