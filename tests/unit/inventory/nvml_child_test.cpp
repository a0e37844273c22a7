// The real child process, with a libnvidia-ml.so.1 of the tests' own: what it says, and that it ends when it should.
#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inventory/nvml/protocol.h"
#include "process/spawn.h"
#include "support/fake_nvml/nvml_machine.h"

namespace ds01::inventory::nvml {
namespace {

using process::ChildProcess;
using process::spawn;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kOneWhole = "driver 580.1\ngpu uuid=GPU-a minor=0 memory=81559 model=NVIDIA H100 80GB HBM3\n";
constexpr const char* kOneCut =
    "driver 580.1\n"
    "gpu uuid=GPU-a minor=5 memory=81559 model=NVIDIA H100 80GB HBM3\n"
    "slices gpu=0 most=7\n"
    "mig gpu=0 number=0 uuid=MIG-a gi=9 ci=0 gslices=1 cslices=1 memory=9856 name=NVIDIA H100 80GB HBM3 MIG 1g.10gb\n"
    "mig gpu=0 number=2 uuid=MIG-c gi=2 ci=0 gslices=3 cslices=3 memory=40320 name=NVIDIA H100 80GB HBM3 MIG 3g.40gb\n";

// Its end of the conversation, blocking, with a limit that only a failure reaches.
class Talk {
 public:
  Talk(const test::NvmlMachine& machine, int interval_ms)
      : child_(spawn(machine.childProgram(), machine.childArguments(interval_ms)).value()),
        socket_(child_.takeSocket()),
        end_(child_.takePidfd()) {}

  Report next() {
    for (;;) {
      if (Result<std::optional<std::string>> message = frames_.next(); message.value()) {
        return decode(**message).value();
      }
      EXPECT_TRUE(readable(socket_)) << "the child says nothing";
      std::array<char, 4096> bytes{};
      const ssize_t count = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
      if (count <= 0) return {.what = Failed{.why = "closed"}};
      frames_.append({bytes.data(), static_cast<std::size_t>(count)});
    }
  }
  Readings readings() { return std::get<Changed>(next().what).readings; }
  void askNow() {
    const std::string request = frame(kReadNow);
    EXPECT_EQ(::send(socket_.get(), request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  }
  void hangUp() { socket_.reset(); }
  std::string howItEnds() {
    EXPECT_TRUE(readable(end_)) << "the child does not end";
    return child_.collect().value_or("it lives");
  }
  ChildProcess& process() { return child_; }

 private:
  static bool readable(const Fd& fd) {
    pollfd entry{.fd = fd.get(), .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, 20'000) == 1;
  }

  ChildProcess child_;
  Fd socket_;
  Fd end_;
  FrameReader frames_;
};

TEST(NvmlChild, TellsOfWholeGpus) {
  const test::NvmlMachine machine(kOneWhole);
  machine.files().write("dev/nvidia0", "");
  Talk talk(machine, 60'000);
  const Readings readings = talk.readings();
  EXPECT_EQ(readings.driver, "580.1");
  ASSERT_EQ(readings.gpus.size(), 1U);
  EXPECT_EQ(readings.gpus[0].uuid, "GPU-a");
  EXPECT_EQ(readings.gpus[0].model, "NVIDIA H100 80GB HBM3");
  EXPECT_EQ(readings.gpus[0].memory_mib, 81559);
  EXPECT_FALSE(readings.gpus[0].mig);
  EXPECT_THAT(readings.gpus[0].device_nodes, ElementsAre("/dev/nvidia0"));
  EXPECT_THAT(readings.remarks, IsEmpty());
}

TEST(NvmlChild, TellsOfMigInstancesAndTheirDeviceFiles) {
  const test::NvmlMachine machine(kOneCut);
  const std::string caps = "proc/driver/nvidia/capabilities/gpu5/mig/";
  const std::string rest = "DeviceFileMode: 292\nDeviceFileModify: 1\n";
  machine.files().write(caps + "gi9/access", "DeviceFileMinor: 84\n" + rest);
  machine.files().write(caps + "gi9/ci0/access", "DeviceFileMinor: 85\n" + rest);
  machine.files().write(caps + "gi2/access", "DeviceFileMinor: 21\n" + rest);
  for (const char* node : {"dev/nvidia5", "dev/nvidia-caps/nvidia-cap84", "dev/nvidia-caps/nvidia-cap85"}) {
    machine.files().write(node, "");
  }
  Talk talk(machine, 60'000);
  const Readings readings = talk.readings();
  ASSERT_EQ(readings.gpus.size(), 1U);
  const GpuReading& gpu = readings.gpus[0];
  EXPECT_TRUE(gpu.mig);
  EXPECT_EQ(gpu.slices, 7);
  ASSERT_EQ(gpu.instances.size(), 2U);
  EXPECT_EQ(gpu.instances[0].uuid, "MIG-a");
  EXPECT_EQ(gpu.instances[0].name, "NVIDIA H100 80GB HBM3 MIG 1g.10gb");
  EXPECT_EQ(gpu.instances[0].memory_mib, 9856);
  EXPECT_THAT(gpu.instances[0].device_nodes,
              ElementsAre("/dev/nvidia-caps/nvidia-cap84", "/dev/nvidia-caps/nvidia-cap85"));
  EXPECT_EQ(gpu.instances[1].number, 2);
  EXPECT_EQ(gpu.instances[1].compute_slices, 3);
  EXPECT_THAT(gpu.instances[1].device_nodes, IsEmpty());
  EXPECT_THAT(readings.remarks, ElementsAre(HasSubstr("/dev/nvidia-caps/nvidia-cap21 does not exist"),
                                            HasSubstr("names no device file")));
}

TEST(NvmlChild, TheMemoryOfAGpuThatIsCutIsForThePrivileged) {
  const test::NvmlMachine machine(std::string(kOneCut) + "fail nvmlDeviceGetMemoryInfo 4 0\n");
  Talk talk(machine, 60'000);
  const Readings readings = talk.readings();
  ASSERT_EQ(readings.gpus.size(), 1U);
  EXPECT_THAT(readings.gpus[0].trouble, IsEmpty());
  EXPECT_EQ(readings.gpus[0].memory_mib, 0);
  EXPECT_EQ(readings.gpus[0].instances.size(), 2U);
}

TEST(NvmlChild, SpeaksInTurnAndRepeatsNothing) {
  const test::NvmlMachine machine(kOneWhole);
  Talk talk(machine, 20);
  EXPECT_EQ(talk.readings().gpus.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<Unchanged>(talk.next().what));
  machine.become(std::string(kOneWhole) + "gpu uuid=GPU-b minor=1 memory=81559 model=NVIDIA H100 80GB HBM3\n");
  Report report = talk.next();
  while (std::holds_alternative<Unchanged>(report.what)) report = talk.next();
  EXPECT_EQ(std::get<Changed>(report.what).readings.gpus.size(), 2U);
}

TEST(NvmlChild, ReadsOnRequest) {
  for (const char* persistence : {"", "persistence off\n"}) {
    const test::NvmlMachine machine(std::string(kOneWhole) + persistence);
    Talk talk(machine, 3'600'000);
    EXPECT_EQ(talk.readings().gpus.size(), 1U);
    machine.become(std::string("driver 580.2\n") + persistence);
    talk.askNow();
    const Readings readings = talk.readings();
    EXPECT_EQ(readings.driver, "580.2");
    EXPECT_THAT(readings.gpus, IsEmpty());
  }
}

TEST(NvmlChild, ALostGpuIsTroubleAndTheOthersAreNot) {
  const test::NvmlMachine machine(std::string(kOneWhole) +
                                  "gpu uuid=GPU-b minor=1 memory=81559 model=NVIDIA H100 80GB HBM3\n"
                                  "fail nvmlDeviceGetMemoryInfo 15 1\n"
                                  "rows gpu=0 pending=1\n");
  Talk talk(machine, 60'000);
  const Readings readings = talk.readings();
  ASSERT_EQ(readings.gpus.size(), 2U);
  EXPECT_THAT(readings.gpus[0].trouble, IsEmpty());
  EXPECT_EQ(readings.gpus[1].index, 1);
  EXPECT_THAT(readings.gpus[1].uuid, IsEmpty());
  EXPECT_THAT(readings.gpus[1].trouble, HasSubstr("fallen off the bus"));
  EXPECT_THAT(readings.remarks, testing::Contains(HasSubstr("GPU 0: damaged memory rows are to be remapped")));
}

TEST(NvmlChild, AFailedRemappingIsTrouble) {
  const test::NvmlMachine machine(std::string(kOneWhole) + "rows gpu=0 failed=1\n");
  Talk talk(machine, 60'000);
  EXPECT_THAT(talk.readings().gpus[0].trouble, HasSubstr("could not be remapped"));
}

TEST(NvmlChild, ADriverThatIsNotThereEndsIt) {
  const test::NvmlMachine machine("fail nvmlInit_v2 9\n");
  Talk talk(machine, 60'000);
  const Report report = talk.next();
  EXPECT_FALSE(std::get<Failed>(report.what).no_library);
  EXPECT_EQ(std::get<Failed>(report.what).why, "nvmlInit: Driver Not Loaded");
  EXPECT_EQ(talk.howItEnds(), "exit status 1");
}

TEST(NvmlChild, ALibraryThatIsNotThereIsSaidToBe) {
  const test::NvmlMachine machine(kOneWhole);
  test::NvmlMachine::removeLibrary();
  Talk talk(machine, 60'000);
  const Report report = talk.next();
  EXPECT_TRUE(std::get<Failed>(report.what).no_library);
  EXPECT_THAT(std::get<Failed>(report.what).why, HasSubstr("libnvidia-ml.so.1"));
  EXPECT_EQ(talk.howItEnds(), "exit status 1");
}

TEST(NvmlChild, EndsWhenNobodyListens) {
  const test::NvmlMachine machine(kOneWhole);
  Talk talk(machine, 3'600'000);
  talk.readings();
  talk.hangUp();
  EXPECT_EQ(talk.howItEnds(), "exit status 0");
}

TEST(NvmlChild, CanBeKilledWhenTheDriverHangs) {
  const test::NvmlMachine machine(std::string(kOneWhole) + "hang nvmlDeviceGetCount_v2\n");
  Talk talk(machine, 60'000);
  EXPECT_FALSE(talk.process().collect());
  talk.process().kill();
  EXPECT_EQ(talk.howItEnds(), "signal 9");
}

TEST(Spawn, SaysThatAProgramIsNotThereByItsEnd) {
  ChildProcess child = spawn("/nonexistent", {"x"}).value();
  const Fd end = child.takePidfd();
  pollfd entry{.fd = end.get(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&entry, 1, 20'000), 1);
  EXPECT_EQ(child.collect(), "exit status 127");
}

}  // namespace
}  // namespace ds01::inventory::nvml
