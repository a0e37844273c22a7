#include "daemon/options.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "daemon/exit_codes.h"

namespace ds01::daemon {
namespace {

std::variant<Options, Exit> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "ds01d");
  return parseOptions(static_cast<int>(arguments.size()), arguments.data());
}

void expectUsage(std::vector<const char*> arguments, const std::string& text) {
  const auto parsed = parse(std::move(arguments));
  const Exit* leave = std::get_if<Exit>(&parsed);
  ASSERT_NE(leave, nullptr);
  EXPECT_EQ(leave->status, kExitUsage);
  EXPECT_NE(leave->text.find(text), std::string::npos) << leave->text;
}

TEST(Options, DefaultsAreThePackagedPlaces) {
  const auto parsed = parse({"--config-dir", "/c"});
  const Options& options = std::get<Options>(parsed);
  EXPECT_EQ(options.config_dir, "/c");
  EXPECT_EQ(options.listen_path, "/run/ds01/docker.sock");
  EXPECT_EQ(options.engine_path, "/var/run/docker.sock");
  EXPECT_EQ(options.state_dir, "/var/lib/ds01");
  EXPECT_EQ(options.gpu_source, GpuSource::None);
}

TEST(Options, TakesASimulatedInventory) {
  const auto parsed = parse({"--gpus", "sim:/etc/ds01/gpus.yaml", "--listen", "unix:///tmp/d.sock"});
  const Options& options = std::get<Options>(parsed);
  EXPECT_EQ(options.gpu_source, GpuSource::Sim);
  EXPECT_EQ(options.gpu_file, "/etc/ds01/gpus.yaml");
  EXPECT_EQ(options.listen_path, "/tmp/d.sock");
}

TEST(Options, RefusesWhatIsNoUnixSocket) {
  expectUsage({"--listen", "tcp://127.0.0.1:2375"}, "--listen: \"tcp://127.0.0.1:2375\" is not a Unix socket");
  expectUsage({"--engine", "unix://relative"}, "--engine");
  expectUsage({"--listen", ("unix:///" + std::string(120, 'x')).c_str()}, "a Unix socket's may have 107");
}

TEST(Options, RefusesUnknownGpuSources) {
  expectUsage({"--gpus", "amd"}, "--gpus: \"amd\" is none of sim:FILE, none");
  expectUsage({"--gpus", "sim:"}, "is none of");
  expectUsage({"--gpus", "nvml"}, "no NVML inventory");
}

TEST(Options, HelpExitsWithZero) {
  const auto parsed = parse({"--help"});
  EXPECT_EQ(std::get<Exit>(parsed).status, kExitOk);
}

}  // namespace
}  // namespace ds01::daemon
