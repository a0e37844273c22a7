#include "daemon/site.h"

#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace ds01::daemon {
namespace {

std::shared_ptr<const config::Config> failing(config::FailDirection events) {
  config::Config config;
  config.daemon.fail.events = events;
  return std::make_shared<const config::Config>(std::move(config));
}

TEST(Site, RefusesWhatCannotBeRecordedOnlyIfTheSiteWantsItSo) {
  bool losing = true;
  boost::asio::io_context io;
  SliceNames names(io.get_executor(), [](const std::string&, const std::function<void(Status)>& done) { done({}); });
  Site site(failing(config::FailDirection::Open), admission::Emitter::Sim, names, [&losing] { return losing; });
  EXPECT_FALSE(site.refuseUnrecorded());
  site.setConfig(failing(config::FailDirection::Closed));
  const std::optional<Denial> denial = site.refuseUnrecorded();
  ASSERT_TRUE(denial);
  EXPECT_EQ(denial->http_status, 503);
  EXPECT_EQ(denial->reason, "events_unwritable");
  losing = false;
  EXPECT_FALSE(site.refuseUnrecorded());
}

}  // namespace
}  // namespace ds01::daemon
