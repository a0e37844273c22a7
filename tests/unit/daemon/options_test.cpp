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
  const Options options = completeOptions(std::get<Options>(parsed), {});
  EXPECT_EQ(options.config_dir, "/c");
  EXPECT_EQ(options.listen_path, "/run/ds01/docker.sock");
  EXPECT_EQ(options.engine_path, "/var/run/docker.sock");
  EXPECT_EQ(options.state_dir, "/var/lib/ds01");
  EXPECT_EQ(options.gpus->kind, config::GpuSource::Kind::Auto);
}

TEST(Options, TakesASimulatedInventory) {
  const auto parsed = parse({"--gpus", "sim:/etc/ds01/gpus.yaml", "--listen", "unix:///tmp/d.sock"});
  const Options& options = std::get<Options>(parsed);
  ASSERT_TRUE(options.gpus);
  EXPECT_EQ(options.gpus->kind, config::GpuSource::Kind::Sim);
  EXPECT_EQ(options.gpus->file, "/etc/ds01/gpus.yaml");
  EXPECT_EQ(options.listen_path, "/tmp/d.sock");
}

TEST(Options, RefusesWhatIsNoUnixSocket) {
  expectUsage({"--listen", "tcp://127.0.0.1:2375"}, "--listen: \"tcp://127.0.0.1:2375\" is not a Unix socket");
  expectUsage({"--engine", "unix://relative"}, "--engine");
  expectUsage({"--listen", ("unix:///" + std::string(120, 'x')).c_str()}, "a Unix socket's may have 107");
}

TEST(Options, RefusesUnknownGpuSources) {
  expectUsage({"--gpus", "amd"}, "--gpus: \"amd\" is none of nvml, sim:FILE, none");
  expectUsage({"--gpus", "sim:"}, "is none of");
  expectUsage({"--gpus", ""}, "is none of");
}

config::DaemonSettings settingsFile() {
  config::DaemonSettings settings;
  settings.sockets.listen_path = "/file/listen.sock";
  settings.sockets.engine_path = "/file/engine.sock";
  settings.gpu.source = config::GpuSource{.kind = config::GpuSource::Kind::None, .file = {}};
  return settings;
}

TEST(CompleteOptions, TheFileFillsWhatTheCommandLineLeavesOpen) {
  const auto parsed = parse({"--config-dir", "/c"});
  const Options options = completeOptions(std::get<Options>(parsed), settingsFile());
  EXPECT_EQ(options.listen_path, "/file/listen.sock");
  EXPECT_EQ(options.engine_path, "/file/engine.sock");
  EXPECT_EQ(options.gpus->kind, config::GpuSource::Kind::None);
}

TEST(CompleteOptions, TheCommandLineBeatsTheFile) {
  const auto parsed = parse({"--config-dir", "/c", "--listen", "unix:///cli.sock", "--gpus", "nvml"});
  const Options options = completeOptions(std::get<Options>(parsed), settingsFile());
  EXPECT_EQ(options.listen_path, "/cli.sock");
  EXPECT_EQ(options.engine_path, "/file/engine.sock");
  EXPECT_EQ(options.gpus->kind, config::GpuSource::Kind::Nvml);
}

TEST(ChangedForNextStart, NamesEachKeyThatAReloadCannotApply) {
  config::DaemonSettings read = settingsFile();
  EXPECT_TRUE(changedForNextStart({}, settingsFile(), read).empty());
  read.gpu.gpus_for_all = config::GpusForAll::Available;  // applied at once
  EXPECT_TRUE(changedForNextStart({}, settingsFile(), read).empty());
  read.sockets = {.listen_path = "/other", .engine_path = "/other", .group = "docker", .mode = 0660};
  read.gpu.source = config::GpuSource{};
  read.gpu.emitter = config::Emitter::Sim;
  read.gpu.cdi_dir = "/etc/cdi";
  read.queue.wait = std::chrono::seconds{1};  // applied at once
  read.queue.continue_every = std::chrono::seconds{1};
  const std::vector<std::string_view> all{"sockets.listen", "sockets.engine", "sockets.group", "sockets.mode",
                                          "gpu.source",     "gpu.emitter",    "gpu.cdi_dir",   "queue.continue_every"};
  EXPECT_EQ(changedForNextStart({}, settingsFile(), read), all);
}

TEST(ChangedForNextStart, LeavesOutWhatTheCommandLineOverrules) {
  config::DaemonSettings read = settingsFile();
  read.sockets.listen_path = "/other";
  read.sockets.engine_path.reset();
  Options command_line;
  command_line.listen_path = "/cli.sock";
  EXPECT_EQ(changedForNextStart(command_line, settingsFile(), read), std::vector<std::string_view>{"sockets.engine"});
}

TEST(Options, HelpExitsWithZero) {
  const auto parsed = parse({"--help"});
  EXPECT_EQ(std::get<Exit>(parsed).status, kExitOk);
}

}  // namespace
}  // namespace ds01::daemon
