// From the driver to the ledger: a real child process with a libnvidia-ml.so.1 of the tests' own.
#include "daemon/gpu_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/real_clock.h"
#include "scene.h"
#include "support/fake_nvml/nvml_machine.h"

namespace ds01::daemon::test {
namespace {

using std::chrono::milliseconds;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kTwo =
    "driver 580.1\n"
    "gpu uuid=GPU-0 minor=0 memory=81559 model=NVIDIA H100\n"
    "gpu uuid=GPU-1 minor=1 memory=81559 model=NVIDIA H100\n";
constexpr const char* kThree =
    "driver 580.1\n"
    "gpu uuid=GPU-0 minor=0 memory=81559 model=NVIDIA H100\n"
    "gpu uuid=GPU-1 minor=1 memory=81559 model=NVIDIA H100\n"
    "gpu uuid=GPU-2 minor=2 memory=81559 model=NVIDIA H100\n";
constexpr const char* kOne =
    "driver 580.1\n"
    "gpu uuid=GPU-0 minor=0 memory=81559 model=NVIDIA H100\n";

class Watched : public Scene {
 public:
  explicit Watched(const std::string& scenario) : machine(scenario) {}

  // Reads every 20 ms.
  void watch(milliseconds silence = std::chrono::hours{1}, bool required = true) {
    GpuWatchSettings settings{.program = machine.childProgram(),
                              .arguments = machine.childArguments(20),
                              .required = required,
                              .rules = {.silence = silence, .first_pause = milliseconds{1}},
                              .on_unanswered = [this](std::string_view) { ++unanswered; }};
    gpus.emplace(runner.executor(), grants, real_clock, std::move(settings));
    asio::co_spawn(runner.context(), gpus->run(), [this](const std::exception_ptr& error) {
      returned = true;
      EXPECT_FALSE(error);
    });
  }
  void untilFresh() {
    runner.turn([this] { return ledger.staleReason().empty(); });
  }
  void untilStale() {
    runner.turn([this] { return !ledger.staleReason().empty(); });
  }
  void untilSlots(std::size_t number) {
    runner.turn([this, number] { return ledger.inventory().slots.size() == number; });
  }
  std::vector<std::string> health() const {
    std::vector<std::string> states;
    for (const events::Event& event : events.events) {
      if (event.type == "gpu.health_check") states.emplace_back(event.details.at("state").get_string());
    }
    return states;
  }

  ds01::test::NvmlMachine machine;
  net::RealClock real_clock;
  std::optional<GpuWatch> gpus;
  bool returned = false;
  int unanswered = 0;
};

TEST(GpuWatch, GivesNothingUntilTheDriverHasAnswered) {
  Watched scene(std::string(kTwo) + "hang nvmlInit_v2\n");
  scene.ready();
  scene.watch();
  scene.untilStale();
  const Answer refused = scene.create("alice", oneGpu());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().http_status, 503);
  EXPECT_EQ(refused.error().reason, "gpu_inventory_stale");
  EXPECT_THAT(refused.error().text, HasSubstr("the NVIDIA driver has not answered yet"));
  EXPECT_TRUE(scene.create("alice"));
}

TEST(GpuWatch, TakesWhatTheDriverSays) {
  Watched scene(kThree);
  scene.ready();
  scene.watch();
  scene.untilStale();
  scene.untilFresh();
  EXPECT_EQ(scene.ledger.inventory().slots.size(), 3U);
  EXPECT_TRUE(scene.create("alice", oneGpu()));
}

TEST(GpuWatch, GpusComeAndGoAndLeasesStay) {
  Watched scene(kTwo);
  scene.ready();
  scene.watch();
  scene.untilStale();
  scene.untilFresh();
  GpuRequest second;
  second.kind = GpuRequest::Kind::Devices;
  second.devices = {"1"};
  scene.run("alice", 'a', second);
  scene.machine.become(kOne);
  scene.untilSlots(1);
  ASSERT_EQ(scene.ledger.slots().size(), 2U);
  EXPECT_EQ(scene.ledger.slots()[1].state, allocator::SlotState::Stale);
  EXPECT_EQ(scene.ledger.heldBy(1001), GpuEq::whole(1));
  EXPECT_EQ(scene.health().back(), "disappeared");
  EXPECT_EQ(scene.events.events.back().user, "alice");
  scene.machine.become(kThree);
  scene.untilSlots(3);
  EXPECT_EQ(scene.ledger.slots()[1].state, allocator::SlotState::Held);
  EXPECT_EQ(scene.health().back(), "appeared");
  EXPECT_THAT(scene.ledger.violations(), IsEmpty());
}

TEST(GpuWatch, ALostGpuIsSick) {
  Watched scene(kTwo);
  scene.ready();
  scene.watch();
  scene.untilStale();
  scene.untilFresh();
  scene.machine.become(std::string(kTwo) + "fail nvmlDeviceGetHandleByIndex_v2 15 0\n");
  scene.runner.turn([&] { return scene.ledger.slots()[0].state == allocator::SlotState::Sick; });
  EXPECT_EQ(scene.ledger.slots()[0].slot.uuid, "GPU-0");
  EXPECT_EQ(scene.create("alice", oneGpu())->lease()->uuids, std::vector<std::string>{"GPU-1"});
  scene.machine.become(kTwo);
  scene.runner.turn([&] { return scene.ledger.slots()[0].state == allocator::SlotState::Free; });
  EXPECT_EQ(scene.health().back(), "recovered");
}

TEST(GpuWatch, AHungDriverMakesTheInventoryStaleAndIsTriedAgain) {
  Watched scene(kTwo);
  scene.ready();
  scene.watch(milliseconds{400});
  scene.untilStale();
  scene.untilFresh();
  scene.run("alice", 'a', oneGpu());
  scene.machine.become(std::string(kTwo) + "hang nvmlDeviceGetCount_v2\n");
  scene.untilStale();
  EXPECT_EQ(scene.ledger.staleReason(), "the NVIDIA driver does not answer");
  EXPECT_EQ(scene.ledger.leases().size(), 1U);
  EXPECT_EQ(scene.health().back(), "stale");
  EXPECT_EQ(scene.unanswered, 1);
  EXPECT_FALSE(scene.create("bob", oneGpu()));
  EXPECT_TRUE(scene.create("bob"));
  scene.machine.become(kTwo);
  scene.untilFresh();
  EXPECT_EQ(scene.health().back(), "ok");
  EXPECT_TRUE(scene.create("bob", oneGpu()));
}

TEST(GpuWatch, AChildThatDiesIsReplacedAndNothingIsLostBetween) {
  Watched scene(kTwo);
  scene.ready();
  scene.watch();
  scene.untilStale();
  scene.untilFresh();
  const std::size_t told = scene.events.events.size();
  scene.machine.become(std::string(kTwo) + "crash nvmlShutdown\n");
  scene.machine.become(kThree);
  scene.untilSlots(3);
  EXPECT_TRUE(scene.ledger.staleReason().empty());
  EXPECT_EQ(scene.events.events.size(), told + 1);  // that a GPU has appeared
}

TEST(GpuWatch, TheSiteMayGoOnByWhatWasLastSeen) {
  Watched scene(kTwo);
  scene.ready();
  scene.grants.setStaleGrants(true);
  scene.watch();
  scene.untilStale();
  EXPECT_TRUE(scene.create("alice", oneGpu()));
  scene.untilFresh();
  scene.machine.become("fail nvmlInit_v2 9\n");
  scene.untilStale();
  EXPECT_TRUE(scene.create("bob", oneGpu()));
}

TEST(GpuWatch, ADriverThatSaysNoIsStaleAtOnce) {
  Watched scene(kTwo);
  scene.ready();
  scene.watch();
  scene.untilStale();
  scene.untilFresh();
  scene.machine.become("fail nvmlInit_v2 9\n");
  scene.untilStale();
  EXPECT_EQ(scene.ledger.staleReason(), "the NVIDIA driver cannot be read: nvmlInit: Driver Not Loaded");
  scene.machine.become(kTwo);
  scene.untilFresh();
}

TEST(GpuWatch, ALibraryThatCrashesIsNoAnswer) {
  Watched scene("crash nvmlInit_v2\n");
  scene.ready();
  scene.watch();
  scene.runner.turn([&] { return scene.ledger.staleReason().find("ends without an answer") != std::string::npos; });
  EXPECT_TRUE(scene.create("alice"));
}

TEST(GpuWatch, WithoutALibraryThereAreNoGpusUnlessTheyAreRequired) {
  Watched scene(kTwo);
  ds01::test::NvmlMachine::removeLibrary();
  scene.ready();
  scene.watch(std::chrono::hours{1}, false);
  scene.runner.turn([&] { return scene.returned; });
  EXPECT_THAT(scene.ledger.inventory().slots, IsEmpty());
  EXPECT_THAT(scene.ledger.staleReason(), IsEmpty());
  const Answer refused = scene.create("alice", oneGpu());
  EXPECT_EQ(refused.error().reason, "gpu_never_satisfiable");

  Watched required(kTwo);
  ds01::test::NvmlMachine::removeLibrary();
  required.ready();
  required.watch();
  required.runner.turn([&] { return required.ledger.staleReason().find("libnvidia-ml.so.1") != std::string::npos; });
  EXPECT_FALSE(required.returned);
}

TEST(GpuWatch, WhatSendsNonsenseIsReplaced) {
  Watched scene(kTwo);
  scene.ready();
  GpuWatchSettings settings{.program = "/bin/sh",
                            .arguments = {"sh", "-c", "echo no frame at all >&3; exec sleep 60"},
                            .rules = {.silence = std::chrono::hours{1}, .first_pause = milliseconds{1}}};
  scene.gpus.emplace(scene.runner.executor(), scene.grants, scene.real_clock, settings);
  asio::co_spawn(scene.runner.context(), scene.gpus->run(), asio::detached);
  scene.runner.turn([&] { return scene.ledger.staleReason().find("ends without an answer") != std::string::npos; });
  EXPECT_FALSE(scene.create("alice", oneGpu()));
}

TEST(GpuWatch, StopsItsChild) {
  Watched scene(kTwo);
  scene.ready();
  scene.watch();
  scene.untilStale();
  scene.untilFresh();
  scene.gpus->stop();
  scene.runner.turn([&] { return scene.returned; });
}

}  // namespace
}  // namespace ds01::daemon::test
