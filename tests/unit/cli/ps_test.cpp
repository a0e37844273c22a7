#include "cli/ps.h"

#include <gtest/gtest.h>

#include "samples.h"

namespace ds01::cli {
namespace {

using namespace test;

control::ContainerRow container(char digit, std::string name, std::string user) {
  control::ContainerRow row;
  row.id = std::string(64, digit);
  row.name = std::move(name);
  row.user = std::move(user);
  row.image = "pytorch:2";
  row.created = now() - std::chrono::minutes{90};
  row.state = "running";
  return row;
}

TEST(PsTextTest, OnesOwn) {
  control::ContainerList list{.all = false, .containers = {container('a', "train", "me"), container('b', "web", "me")}};
  list.containers[0].gpus = {"0", "1:2"};
  list.containers[0].gpueq = {1'285'714};
  list.containers[0].type = "compose";
  list.containers[1].state = "exited";
  list.containers[1].created.reset();
  EXPECT_EQ(psText(list, plainPaper()),
            R"(2 containers, 1 with GPUs (1.29 in all)

ID            NAME   IMAGE      TYPE     STATE    GPUS   SHARE  CREATED
aaaaaaaaaaaa  train  pytorch:2  compose  running  0,1:2   1.29  1 h 30 min ago  2026-11-23 12:35
bbbbbbbbbbbb  web    pytorch:2           exited
)");
}

TEST(PsTextTest, FitsAnOrdinaryTerminal) {
  control::ContainerList list{.all = true, .containers = {container('a', "a-rather-long-name", "someone@lab.example")}};
  list.containers[0].image = "registry.lab.example/team/pytorch:2";
  list.containers[0].gpus = {"0", "1"};
  list.containers[0].gpueq = {2'000'000};
  list.containers[0].type = "devcontainer";
  EXPECT_EQ(psText(list, terminal(80)),
            R"(1 container, 1 with GPUs (2 in all)

ID            NAME        USER        IMAGE        STATE    GPUS  CREATED
aaaaaaaaaaaa  a-rather-…  someone@l…  registry.l…  running  0,1   1 h 30 min ago
)");
}

TEST(PsTextTest, AdminsSeeWhose) {
  control::ContainerList list{.all = true, .containers = {container('a', "x", "bob"), container('b', "y", "")}};
  list.containers[1].user.reset();
  EXPECT_EQ(psText(list, terminal(80)),
            R"(2 containers, none holds a GPU

ID            NAME  USER  IMAGE      STATE    CREATED
aaaaaaaaaaaa  x     bob   pytorch:2  running  1 h 30 min ago
bbbbbbbbbbbb  y     -     pytorch:2  running  1 h 30 min ago
)");
}

TEST(PsTextTest, WhoseItOnlySeemsToBeIsInParentheses) {
  control::ContainerList list{.all = true, .containers = {container('a', "x", "")}};
  list.containers[0].user.reset();
  list.containers[0].tracked_user = "bob";
  EXPECT_NE(psText(list, terminal(80)).find("aaaaaaaaaaaa  x     (bob)  pytorch:2"), std::string::npos);
}

TEST(PsTextTest, NoneIsASentence) {
  EXPECT_EQ(psText({.all = false, .containers = {}}, plainPaper()), "You have no containers.\n");
  EXPECT_EQ(psText({.all = true, .containers = {}}, plainPaper()), "There are no containers.\n");
}

}  // namespace
}  // namespace ds01::cli
