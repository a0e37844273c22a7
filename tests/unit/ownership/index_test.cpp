#include "ownership/index.h"

#include <gtest/gtest.h>

namespace ds01::ownership {
namespace {

Record record(const std::string& id, const std::string& name, std::optional<std::string> owner) {
  Record out;
  out.id = ContainerId(id);
  out.name = name;
  out.owner = std::move(owner);
  return out;
}

std::string idOf(const Record* found) {
  return found ? found->id.str() : "none";
}

TEST(Index, FindsByIdNameAndOwner) {
  Index index;
  EXPECT_TRUE(index.add(record("c2", "train", "alice")));
  EXPECT_TRUE(index.add(record("c1", "eval", "alice")));
  EXPECT_TRUE(index.add(record("c3", "web", "bob")));
  EXPECT_TRUE(index.add(record("c4", "infra", std::nullopt)));
  EXPECT_EQ(index.size(), 4U);
  EXPECT_EQ(index.find(ContainerId("c1"))->name, "eval");
  EXPECT_EQ(idOf(index.findByName("train")), "c2");
  EXPECT_EQ(idOf(index.findByName("trai")), "none");
  EXPECT_EQ(idOf(index.findByName("")), "none");
  EXPECT_EQ(idOf(index.find(ContainerId("c"))), "none");
  EXPECT_EQ(index.count("alice"), 2U);
  EXPECT_EQ(index.count("nobody"), 0U);
  ASSERT_EQ(index.byOwner("alice").size(), 2U);
  EXPECT_EQ(idOf(index.byOwner("alice")[0]), "c1");
  EXPECT_EQ(idOf(index.byOwner("alice")[1]), "c2");
  EXPECT_TRUE(index.byOwner("").empty());
  EXPECT_EQ(index.owners(), (std::vector<std::string>{"alice", "bob"}));
  EXPECT_EQ(index.ids(),
            (std::vector<ContainerId>{ContainerId("c1"), ContainerId("c2"), ContainerId("c3"), ContainerId("c4")}));
  ASSERT_EQ(index.all().size(), 4U);
  EXPECT_EQ(idOf(index.all()[3]), "c4");
}

TEST(Index, AddingAgainReplaces) {
  Index index;
  index.add(record("c1", "", "alice"));
  EXPECT_EQ(idOf(index.findByName("")), "none");
  index.add(record("c1", "train", "alice"));
  EXPECT_EQ(index.count("alice"), 1U);
  EXPECT_EQ(idOf(index.findByName("train")), "c1");
  index.add(record("c1", "eval", "bob"));
  EXPECT_EQ(idOf(index.findByName("train")), "none");
  EXPECT_EQ(index.count("alice"), 0U);
  EXPECT_EQ(index.owners(), std::vector<std::string>{"bob"});
  EXPECT_EQ(index.size(), 1U);
}

TEST(Index, Renames) {
  Index index;
  index.add(record("c1", "train", "alice"));
  EXPECT_TRUE(index.rename(ContainerId("c1"), "eval"));
  EXPECT_EQ(idOf(index.findByName("train")), "none");
  EXPECT_EQ(idOf(index.findByName("eval")), "c1");
  EXPECT_EQ(index.find(ContainerId("c1"))->name, "eval");
  EXPECT_EQ(index.count("alice"), 1U);
  EXPECT_FALSE(index.rename(ContainerId("c2"), "eval"));
  EXPECT_EQ(idOf(index.findByName("eval")), "c1");
}

TEST(Index, ANameGoesToWhoHasItNow) {
  // compose up --force-recreate: the old container is renamed and removed; here the rename event is missed.
  Index index;
  index.add(record("c1", "web", "alice"));
  index.add(record("c2", "web", "alice"));
  EXPECT_EQ(idOf(index.findByName("web")), "c2");
  EXPECT_TRUE(index.rename(ContainerId("c1"), "old_web"));
  EXPECT_EQ(idOf(index.findByName("web")), "c2");
  EXPECT_TRUE(index.rename(ContainerId("c1"), "web"));
  EXPECT_EQ(idOf(index.findByName("web")), "c1");
  EXPECT_TRUE(index.remove(ContainerId("c2")));
  EXPECT_EQ(idOf(index.findByName("web")), "c1");
}

TEST(Index, RemovedContainersAreStillAnsweredFor) {
  Index index;
  index.add(record("c1", "train", "alice"));
  EXPECT_EQ(idOf(index.lastKnown(ContainerId("c1"))), "c1");
  EXPECT_FALSE(index.isTombstone(ContainerId("c1")));
  EXPECT_TRUE(index.remove(ContainerId("c1")));
  EXPECT_FALSE(index.remove(ContainerId("c1")));
  EXPECT_EQ(idOf(index.find(ContainerId("c1"))), "none");
  EXPECT_EQ(idOf(index.findByName("train")), "none");
  EXPECT_EQ(index.count("alice"), 0U);
  EXPECT_EQ(index.size(), 0U);
  EXPECT_TRUE(index.isTombstone(ContainerId("c1")));
  ASSERT_NE(index.lastKnown(ContainerId("c1")), nullptr);
  EXPECT_EQ(index.lastKnown(ContainerId("c1"))->owner, "alice");
  EXPECT_EQ(index.lastKnown(ContainerId("c1"))->name, "train");
}

TEST(Index, RemovalByTheRecordsOwnIdIsSafe) {
  Index index;
  const std::string id(64, 'a');
  index.add(record(id, "train", "alice"));
  EXPECT_TRUE(index.remove(index.find(ContainerId(id))->id));
  EXPECT_TRUE(index.isTombstone(ContainerId(id)));
}

TEST(Index, AnInspectAnswerThatComesAfterTheRemovalIsIgnored) {
  Index index;
  index.add(record("c1", "train", "alice"));
  index.remove(ContainerId("c1"));
  EXPECT_FALSE(index.add(record("c1", "train", "alice")));
  EXPECT_EQ(index.size(), 0U);
  // Also when it was the first we would have heard of the container.
  EXPECT_FALSE(index.remove(ContainerId("c2")));
  EXPECT_FALSE(index.add(record("c2", "eval", "alice")));
  EXPECT_TRUE(index.isTombstone(ContainerId("c2")));
  EXPECT_EQ(index.lastKnown(ContainerId("c2")), nullptr);
  EXPECT_EQ(index.count("alice"), 0U);
}

TEST(Index, TombstonesAreBounded) {
  Index index;
  for (std::size_t i = 0; i <= Index::kTombstones; ++i) {
    index.add(record("c" + std::to_string(i), "n", "alice"));
    index.remove(ContainerId("c" + std::to_string(i)));
    index.remove(ContainerId("c" + std::to_string(i)));  // twice takes no second place
  }
  EXPECT_FALSE(index.isTombstone(ContainerId("c0")));
  EXPECT_TRUE(index.isTombstone(ContainerId("c1")));
  EXPECT_TRUE(index.isTombstone(ContainerId("c" + std::to_string(Index::kTombstones))));
}

}  // namespace
}  // namespace ds01::ownership
