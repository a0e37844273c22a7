#include "daemon/control_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/time_text.h"
#include "scene.h"

namespace ds01::allocator {
struct LedgerPeer {
  static void charge(Ledger& ledger, std::uint32_t uid, GpuEq weight) { ledger.accounts_[uid].held += weight; }
};
}  // namespace ds01::allocator

namespace ds01::daemon::test {
namespace {

using testing::ElementsAre;

struct Viewed : Scene {
  static std::shared_ptr<const config::Config> configured() {
    config::Config config;
    config.groups.emplace_back().name = "student";
    return std::make_shared<const config::Config>(std::move(config));
  }
  Site site{configured(), admission::Emitter::Sim, names};
  Failures failures{clock};
  ControlView view{grants, owners, site, failures};
};

TEST(ControlView, ShowsWhoHoldsWhich) {
  Viewed scene;
  scene.ready().run("alice", 'a', oneGpu());
  Answer waiting = scene.create("bob", oneGpu());
  ASSERT_TRUE(waiting);
  const control::StatusSnapshot status = scene.view.status();
  ASSERT_EQ(status.gpus.size(), 2u);
  const control::GpuRow& held = status.gpus[0];
  EXPECT_EQ(held.slot, "0");
  EXPECT_EQ(held.uuid, "GPU-0");
  EXPECT_EQ(held.state, control::SlotState::Held);
  EXPECT_EQ(held.user, "alice");
  EXPECT_EQ(held.container, "job");
  EXPECT_EQ(held.container_id, containerId('a').str());
  EXPECT_EQ(held.since, scene.clock.now());
  EXPECT_EQ(held.gpu, 0);
  const control::GpuRow& reserved = status.gpus[1];
  EXPECT_EQ(reserved.state, control::SlotState::Reserved);
  EXPECT_EQ(reserved.user, "bob");
  EXPECT_EQ(reserved.container, "job");
  EXPECT_FALSE(reserved.container_id);

  ASSERT_EQ(status.users.size(), 2u);
  EXPECT_EQ(status.users[0].user, "alice");
  EXPECT_EQ(status.users[0].group, "student");
  EXPECT_EQ(status.users[0].gpueq, GpuEq::whole(1));
  EXPECT_EQ(status.users[0].containers, 1);
  EXPECT_EQ(status.users[1].user, "bob");
  EXPECT_EQ(status.users[1].containers, 0);
}

TEST(ControlView, ShowsUntilWhenAStoppedContainerHoldsIts) {
  Viewed scene;
  scene.limits.gpu_hold_after_stop = std::chrono::seconds{900};
  scene.ready().run("alice", 'a', oneGpu());
  EXPECT_FALSE(scene.view.status().gpus[0].until);
  scene.grants.containerStopped(containerId('a'));
  EXPECT_EQ(scene.view.status().gpus[0].until, scene.clock.now() + std::chrono::seconds{900});
  scene.limits.gpu_hold_after_stop.reset();
  EXPECT_FALSE(scene.view.status().gpus[0].until) << "as long as it is there";
}

TEST(ControlView, CountsEachBrokenInvariantOnce) {
  Viewed scene;
  scene.ready().run("alice", 'a', oneGpu());
  EXPECT_EQ(scene.view.status().counters.at("invariants_broken"), 0);
  allocator::LedgerPeer::charge(scene.ledger, 1001, GpuEq{1});
  scene.runner.run(scene.grants.parkDue());
  scene.runner.run(scene.grants.parkDue());
  EXPECT_EQ(scene.view.status().counters.at("invariants_broken"), 1);
  EXPECT_EQ(scene.events.count("state.validation"), 1u);
}

TEST(ControlView, ShowsTheLine) {
  Viewed scene;
  scene.ready().run("alice", 'a', oneGpu());
  scene.run("alice", 'b', oneGpu());
  scene.grants.setQueueWait(std::chrono::hours{1});
  bool waits = false;
  gateway::Patience patience([&] { waits = true; });
  gateway::GrantRequest request = scene.request("bob", oneGpu());
  request.patience = &patience;
  std::optional<Answer> answer;
  const auto ask = [&]() -> asio::awaitable<void> {
    gateway::GrantRequest mine = request;
    answer.emplace(co_await scene.grants.reserve(std::move(mine)));
  };
  asio::co_spawn(scene.runner.context(), ask(), asio::detached);
  scene.runner.turn([&] { return waits; });
  const control::StatusSnapshot status = scene.view.status();
  ASSERT_EQ(status.queue.size(), 1u);
  EXPECT_EQ(status.queue[0], (control::QueueRow{.user = "bob",
                                                .slots = 1,
                                                .since = scene.clock.now(),
                                                .place = 1,
                                                .reason = "all 2 that would do are held"}));
  patience.giveUp();
  scene.runner.turn([&] { return answer.has_value(); });
  EXPECT_TRUE(scene.view.status().queue.empty());
}

TEST(ControlView, FreeAndStaleSlotsHaveNoMoreThanTheyHave) {
  Viewed scene;
  Lease lease;
  lease.id = LeaseId("L1");
  lease.state = Lease::State::Bound;
  lease.login = "alice";
  lease.uuids = {"GPU-gone"};
  lease.weight = GpuEq::whole(1);
  lease.container = containerId('a');
  lease.container_name = "old-name";
  ASSERT_TRUE(scene.ledger.restore({lease}));
  const control::StatusSnapshot status = scene.view.status();
  ASSERT_EQ(status.gpus.size(), 3u);
  EXPECT_EQ(status.gpus[0].state, control::SlotState::Free);
  EXPECT_FALSE(status.gpus[0].user || status.gpus[0].since || status.gpus[0].container);
  EXPECT_EQ(status.gpus[2].state, control::SlotState::Stale);
  EXPECT_EQ(status.gpus[2].uuid, "GPU-gone");
  EXPECT_FALSE(status.gpus[2].gpu);
  EXPECT_EQ(status.gpus[2].container, "old-name");  // the index does not know it yet
}

TEST(ControlView, ShowsWhoUsesASlotWithoutALease) {
  Viewed scene;
  ContainerView view;
  view.id = containerId('f');
  view.name = "roots";
  view.status = "running";
  view.started = "2026-11-23T08:00:00Z";
  view.device_requests = {{"nvidia", 0, {"GPU-1"}, true}};
  scene.engine.add(view);
  scene.ready();
  const control::StatusSnapshot status = scene.view.status();
  EXPECT_EQ(status.gpus[1].state, control::SlotState::Foreign);
  EXPECT_EQ(status.gpus[1].container, "roots");
  EXPECT_EQ(status.gpus[1].container_id, containerId('f').str());
  EXPECT_EQ(status.gpus[1].since, parseRfc3339("2026-11-23T08:00:00Z"));
  EXPECT_FALSE(status.gpus[1].user);
  const control::StatusSnapshot seen = control::visibleTo(status, "alice", false);
  EXPECT_FALSE(seen.gpus[1].container || seen.gpus[1].container_id);
}

TEST(ControlView, CountsWhatCouldNotBeAsked) {
  Viewed viewed;
  viewed.failures.note(Dependency::StateFile, "no space");
  const control::StatusSnapshot snapshot = viewed.view.status();
  EXPECT_EQ(snapshot.counters.at("unwritten_state"), 1);
  EXPECT_EQ(snapshot.counters.at("unanswered_engine"), 0);
}

TEST(ControlView, ListsContainersInTheOrderOfTheirCreation) {
  Viewed scene;
  ContainerView older = ownedView(containerId('b'), "bob", "older");
  older.created = "2024-06-01T00:00:00Z";
  scene.engine.add(older);
  scene.engine.add(leasedView(containerId('a'), "alice", "L1", "GPU-1,GPU-0"));
  ContainerView foreign;
  foreign.id = containerId('f');
  foreign.name = "foreign";
  foreign.created = "2025-06-01T00:00:00Z";
  scene.engine.add(foreign);
  scene.ready();
  ASSERT_TRUE(scene.runner.run(scene.owners.find("foreign")));
  const std::vector<control::ContainerRow> rows = scene.view.containers();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].name, "older");
  EXPECT_EQ(rows[0].user, "bob");
  EXPECT_TRUE(rows[0].gpus.empty());
  EXPECT_FALSE(rows[0].since);
  EXPECT_EQ(rows[1].id, containerId('a').str());
  EXPECT_EQ(rows[1].image, "busybox");
  EXPECT_EQ(rows[1].type, "docker");
  EXPECT_THAT(rows[1].gpus, ElementsAre("1", "0"));
  EXPECT_EQ(rows[1].gpueq, GpuEq::whole(2));
  EXPECT_EQ(rows[1].since, parseRfc3339("2025-01-01T00:00:00Z"));
  EXPECT_FALSE(rows[2].user);
  EXPECT_FALSE(rows[2].type);
}

TEST(ControlView, ARenameIsShownAtOnce) {
  Viewed scene;
  scene.ready().run("alice", 'a', oneGpu());
  scene.owners.rename(containerId('a'), "better");
  EXPECT_EQ(scene.view.status().gpus[0].container, "better");
}

}  // namespace
}  // namespace ds01::daemon::test
