#include "ownership/tracker.h"

#include <gtest/gtest.h>

namespace ds01::ownership {
namespace {

User user(std::string login, std::uint32_t uid) {
  User out;
  out.uid = uid;
  out.gid = uid;
  out.home = "/home/" + login;
  out.login = std::move(login);
  return out;
}

ContainerView container(std::map<std::string, std::string> labels = {}, std::string name = "train") {
  ContainerView view;
  view.id = ContainerId(std::string(64, 'c'));
  view.name = std::move(name);
  view.labels = std::move(labels);
  return view;
}

ContainerView mounting(std::vector<std::string> binds, std::vector<std::string> mounts = {}) {
  ContainerView view = container();
  view.binds = std::move(binds);
  view.bind_mounts = std::move(mounts);
  return view;
}

ImageLabels carrying(const std::string& key, const std::string& value) {
  return std::map<std::string, std::string>{{key, value}};
}

// The machine: alice (1001), bob (1002), root, and whose folders are.
class Machine {
 public:
  std::map<std::string, User> users{
      {"alice", user("alice", 1001)}, {"bob", user("bob", 1002)}, {"root", user("root", 0)}, {"toor", user("toor", 0)}};
  std::map<std::string, std::uint32_t> folders{{"/home/alice/code", 1001}, {"/home/bob/code", 1002}};
  std::vector<std::string> asked;

  Tracked track(const ContainerView& view, const ImageLabels& image = std::map<std::string, std::string>()) {
    const std::vector<Claim> claims = claimsOf(view, image);
    Answers answers;
    for (;;) {
      Step step = ownership::track(claims, answers);
      if (auto* done = std::get_if<Tracked>(&step)) return *done;
      answer(step, answers);
    }
  }

 private:
  void answer(const Step& step, Answers& answers) {
    if (const auto* login = std::get_if<AskLogin>(&step)) {
      asked.push_back(login->login);
      const auto found = users.find(login->login);
      answers.logins[login->login] = found == users.end() ? std::nullopt : std::optional(found->second);
    } else if (const auto* uid = std::get_if<AskUid>(&step)) {
      asked.push_back(std::to_string(uid->uid));
      answers.uids[uid->uid] = std::nullopt;
      for (const auto& [name, one] : users) {
        if (one.uid == uid->uid) answers.uids[uid->uid] = one;
      }
    } else if (const auto* folder = std::get_if<AskFolder>(&step)) {
      asked.push_back(folder->folder);
      const auto found = folders.find(folder->folder);
      answers.folders[{folder->user.login, folder->folder}] =
          found == folders.end() ? std::nullopt : std::optional(found->second);
    }
  }
};

Tracked by(Method method, const std::string& login, std::uint32_t uid) {
  return {.owner = login, .uid = uid, .method = method};
}

TEST(Tracker, EachStrategyFindsTheOwner) {
  Machine machine;
  EXPECT_EQ(machine.track(container({{"ds01.user", "alice"}})), by(Method::Ds01Label, "alice", 1001));
  EXPECT_EQ(machine.track(container({{"aime.mlc.USER", "bob"}})), by(Method::AimeLabel, "bob", 1002));
  EXPECT_EQ(machine.track(container({}, "torch._.1001")), by(Method::ContainerName, "alice", 1001));
  EXPECT_EQ(machine.track(container({{"devcontainer.local_folder", "/home/alice/code"}})),
            by(Method::Devcontainer, "alice", 1001));
  EXPECT_EQ(machine.track(mounting({"/home/bob/code"})), by(Method::MountPath, "bob", 1002));
  EXPECT_EQ(machine.track(mounting({}, {"/etc/localtime", "/home/bob/code"})), by(Method::MountPath, "bob", 1002));
  EXPECT_EQ(machine.track(container({{"com.docker.compose.project.working_dir", "/home/alice/code"}})),
            by(Method::ComposeDir, "alice", 1001));
  EXPECT_EQ(machine.track(container()), Tracked{});
}

TEST(Tracker, TheFirstThatIsVerifiedCounts) {
  Machine machine;
  ContainerView view = container({{"ds01.user", "ghost"}, {"aime.mlc.USER", "bob"}}, "x._.1001");
  EXPECT_EQ(machine.track(view), by(Method::AimeLabel, "bob", 1002));
  view.labels.erase("aime.mlc.USER");
  EXPECT_EQ(machine.track(view), by(Method::ContainerName, "alice", 1001));
}

// What somebody has built into an image is not what the container's maker says.
TEST(Tracker, ALabelThatTheImageCarriesTooIsNoClaim) {
  Machine machine;
  for (const auto& [key, value] :
       std::map<std::string, std::string>{{"ds01.user", "bob"},
                                          {"aime.mlc.USER", "bob"},
                                          {"devcontainer.local_folder", "/home/bob/code"},
                                          {"com.docker.compose.project.working_dir", "/home/bob/code"}}) {
    EXPECT_EQ(machine.track(container({{key, value}}), carrying(key, value)), Tracked{}) << key;
    // Nothing is known of the image.
    EXPECT_EQ(machine.track(container({{key, value}}), std::nullopt), Tracked{}) << key;
    // The maker wrote another value over it.
    EXPECT_EQ(machine.track(container({{key, value}}), carrying(key, "alice")).owner, "bob") << key;
    EXPECT_EQ(machine.track(container({{key, value}}), carrying("other", value)).owner, "bob") << key;
  }
  // What no image carries needs none.
  EXPECT_EQ(machine.track(container({}, "torch._.1001"), std::nullopt).owner, "alice");
  EXPECT_EQ(machine.track(mounting({"/home/bob/code"}), std::nullopt).owner, "bob");
}

TEST(Tracker, NoLoginIsMadeUp) {
  Machine machine;
  const std::string nul("ali\0ce", 6);
  for (const std::string& login : {std::string(), std::string("ghost"), std::string("Alice"), std::string("alice "),
                                   std::string("ali\nce"), std::string("../alice"), std::string("alice/"),
                                   std::string("alice:x"), std::string(".."), std::string(100'000, 'a'), nul}) {
    EXPECT_EQ(machine.track(container({{"ds01.user", login}})), Tracked{}) << login.substr(0, 20);
  }
  // A directory service is not asked for what can be no login.
  EXPECT_EQ(machine.asked, (std::vector<std::string>{"ghost", "Alice"}));
}

TEST(Tracker, RootOwnsNothing) {
  Machine machine;
  machine.folders["/home/toor/x"] = 0;
  EXPECT_EQ(machine.track(container({{"ds01.user", "root"}})), Tracked{});
  EXPECT_EQ(machine.track(container({{"ds01.user", "toor"}})), Tracked{});
  EXPECT_EQ(machine.track(container({}, "x._.0")), Tracked{});
  EXPECT_EQ(machine.track(mounting({"/home/toor/x"})), Tracked{});
}

TEST(Tracker, UidsInNamesAreWholeNumbers) {
  Machine machine;
  for (const char* name : {"x._.", "x._.0", "x._.00", "x._.01001", "x._.1001x", "x._.+1001", "x._.-1001", "x._. 1001",
                           "x._.4294968297", "x._.4294967295", "x._.4294967296", "x._.99999999999999999999",
                           "x._.0x3e9", "._.1001", "x.1001", "x_1001", "x._.1001._.ghost", "x._.7777"}) {
    EXPECT_EQ(machine.track(container({}, name)), Tracked{}) << name;
  }
  EXPECT_EQ(machine.track(container({}, "x._.1002._.1001")).owner, "alice");
  EXPECT_EQ(machine.track(container({}, std::string(5000, 'x') + "._.1001")).owner, "alice");
}

TEST(Tracker, AFolderIsTakenAsItIsWrittenOrNotAtAll) {
  Machine machine;
  const std::string nul = std::string("/home/alice/code") + '\0' + "x";
  for (const std::string& folder :
       {std::string("/home/../root"), std::string("/home/bob/../alice/code"), std::string("/home/./alice/code"),
        std::string("/home//alice/code"), std::string("/home/alice//code"), std::string("//home/alice/code"),
        std::string("home/alice/code"), std::string("/home/"), std::string("/home"), std::string("/homes/alice/code"),
        std::string("/root/home/alice/code"), std::string("/home/alice/code/.."), std::string("/home/ghost/code"),
        std::string(), "/home/alice/" + std::string(5000, 'x'), nul}) {
    for (const char* key : {"devcontainer.local_folder", "com.docker.compose.project.working_dir"}) {
      EXPECT_EQ(machine.track(container({{key, folder}})), Tracked{}) << key << " " << folder.substr(0, 40);
    }
    EXPECT_EQ(machine.track(mounting({folder})), Tracked{}) << folder.substr(0, 40);
  }
  machine.folders["/home/alice/code/"] = 1001;
  EXPECT_EQ(machine.track(mounting({"/home/alice/code/"})).owner, "alice");
}

TEST(Tracker, AFolderMustBelongToTheUid) {
  Machine machine;
  machine.folders = {{"/home/alice/code", 1002}, {"/home/bob/code", 0}};
  EXPECT_EQ(machine.track(mounting({"/home/alice/code"})), Tracked{});
  EXPECT_EQ(machine.track(mounting({"/home/bob/code"})), Tracked{});
  // It is not below the home: a link that leads elsewhere.
  EXPECT_EQ(machine.track(mounting({"/home/alice/link"})), Tracked{});
  // One that is stands for all.
  machine.folders["/home/alice/own"] = 1001;
  EXPECT_EQ(machine.track(mounting({"/home/alice/code", "/home/alice/own"})).owner, "alice");
}

TEST(Tracker, FoldersOfManyAreNobodys) {
  Machine machine;
  for (const auto& binds : std::vector<std::vector<std::string>>{{"/home/alice/code", "/home/bob/code"},
                                                                 {"/home/alice/code", "/home/ghost/x"},
                                                                 {"/home/alice/code", "/home/bob/../x"},
                                                                 {"/", "/home/alice/code"},
                                                                 {"/home/alice/code", "/home"},
                                                                 {"/home/alice/code", "/home/"}}) {
    EXPECT_EQ(machine.track(mounting(binds)), Tracked{}) << binds[1];
  }
  EXPECT_EQ(machine.track(mounting({"/home/alice/code"}, {"/home/bob/code"})), Tracked{});
  EXPECT_TRUE(machine.asked.empty());
}

TEST(Tracker, ManySourcesAreNotAllLookedAt) {
  Machine machine;
  std::vector<std::string> binds;
  for (int i = 0; i < 1000; ++i) binds.push_back("/home/alice/nothing" + std::to_string(i));
  EXPECT_EQ(machine.track(mounting(binds)), Tracked{});
  EXPECT_LT(machine.asked.size(), 20u);
}

TEST(Tracker, OnlyWhoeverMadeItCanName) {
  for (const Method method : {Method::Ds01Label, Method::AimeLabel, Method::ContainerName}) {
    EXPECT_TRUE(namesTheOwner(method));
  }
  for (const Method method : {Method::Devcontainer, Method::MountPath, Method::ComposeDir, Method::Unknown}) {
    EXPECT_FALSE(namesTheOwner(method));
  }
}

TEST(InterfaceOf, FollowsTheOrderOfTheOldTracker) {
  EXPECT_EQ(interfaceOf(container({{"ds01.interface", "orchestration"}, {"ds01.managed", "true"}}), ""),
            "orchestration");
  // Not whatever somebody writes there.
  EXPECT_EQ(interfaceOf(container({{"ds01.interface", std::string(9999, 'x')}}), ""), "docker");
  EXPECT_EQ(interfaceOf(container({{"ds01.managed", "true"}}), ""), "atomic");
  EXPECT_EQ(interfaceOf(container({{"aime.mlc.DS01_MANAGED", "true"}}), ""), "atomic");
  EXPECT_EQ(interfaceOf(container({{"devcontainer.workspaceFolder", "/workspace"}}, "x._.1001"), ""), "atomic");
  EXPECT_EQ(interfaceOf(container({{"com.docker.compose.project", "p"}, {"devcontainer.local_folder", "/x"}}), ""),
            "compose");
  EXPECT_EQ(interfaceOf(container({{"devcontainer.local_folder", "/x"}}), ""), "devcontainer");
  EXPECT_EQ(interfaceOf(container({}, "vsc-project-1"), ""), "devcontainer");
  EXPECT_EQ(interfaceOf(container(), ""), "docker");
  EXPECT_EQ(interfaceOf(container({{"ds01.interface", "atomic"}}), "jupyter"), "jupyter");
}

}  // namespace
}  // namespace ds01::ownership
