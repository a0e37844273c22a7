#include "cdi/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ds01::cdi {
namespace {

using testing::HasSubstr;

EngineFacts engine(int minor, std::vector<std::string> dirs) {
  EngineFacts facts;
  facts.api = {1, minor};
  facts.cdi_spec_dirs = std::move(dirs);
  return facts;
}

TEST(WhyNotUsable, NothingIsInTheWay) {
  EXPECT_EQ(whyNotUsable(engine(45, {"/etc/cdi", "/var/run/cdi"}), "/var/run/cdi"), "");
  EXPECT_EQ(whyNotUsable(engine(45, {"/run/cdi/"}), "/var/run/cdi"), "");
  EXPECT_EQ(whyNotUsable(engine(44, {"/srv/cdi"}), "/srv/cdi"), "");
}

TEST(WhyNotUsable, EachObstacleComesWithItsRemedy) {
  EXPECT_THAT(whyNotUsable(engine(41, {}), "/var/run/cdi"), HasSubstr("older than Docker 25"));
  EXPECT_THAT(whyNotUsable(engine(43, {"/var/run/cdi"}), "/var/run/cdi"), HasSubstr("API 1.43"));
  EXPECT_THAT(whyNotUsable(engine(45, {}), "/var/run/cdi"), HasSubstr("\"features\": {\"cdi\": true}"));
  const std::string elsewhere = whyNotUsable(engine(45, {"/etc/cdi", "/var/run/cdi"}), "/srv/cdi");
  EXPECT_THAT(elsewhere, HasSubstr("/etc/cdi and /var/run/cdi, and not in /srv/cdi"));
  EXPECT_THAT(elsewhere, HasSubstr("cdi-spec-dirs"));
}

}  // namespace
}  // namespace ds01::cdi
