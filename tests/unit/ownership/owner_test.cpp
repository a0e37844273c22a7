#include "ownership/owner.h"

#include <gtest/gtest.h>

namespace ds01::ownership {
namespace {

// Slices of the test are called after their login.
bool sliceOf(std::string_view cgroup_parent, std::string_view login) {
  EXPECT_FALSE(cgroup_parent.empty());
  EXPECT_FALSE(login.empty());
  return cgroup_parent == "slice-of-" + std::string(login);
}

ContainerView container(std::map<std::string, std::string> labels, std::string cgroup_parent) {
  ContainerView view;
  view.id = ContainerId("c1");
  view.name = "train";
  view.image = "img";
  view.created = "2026-11-23T20:55:10Z";
  view.labels = std::move(labels);
  view.cgroup_parent = std::move(cgroup_parent);
  return view;
}

TEST(OwnerOf, LabelAndCgroupParentMustAgree) {
  EXPECT_EQ(ownerOf(container({{"ds01.user", "alice"}}, "slice-of-alice"), sliceOf), "alice");
  // FROM an image with LABEL ds01.user=alice, started outside our path or by somebody else.
  EXPECT_EQ(ownerOf(container({{"ds01.user", "alice"}}, ""), sliceOf), std::nullopt);
  EXPECT_EQ(ownerOf(container({{"ds01.user", "alice"}}, "slice-of-bob"), sliceOf), std::nullopt);
  EXPECT_EQ(ownerOf(container({{"ds01.user", "alice"}}, "system.slice"), sliceOf), std::nullopt);
}

TEST(OwnerOf, WithoutALabelNobody) {
  EXPECT_EQ(ownerOf(container({}, "slice-of-alice"), sliceOf), std::nullopt);
  EXPECT_EQ(ownerOf(container({{"ds01.user", ""}}, "slice-of-"), sliceOf), std::nullopt);
  EXPECT_EQ(ownerOf(container({{"DS01.user", "alice"}, {"aime.mlc.USER", "alice"}}, "slice-of-alice"), sliceOf),
            std::nullopt);
}

TEST(RecordOf, OurOtherLabelsCountOnlyWithAProvenOwner) {
  const ContainerView view = container({{"ds01.user", "alice"},
                                        {"ds01.lease", "L1"},
                                        {"ds01.container_type", "devcontainer"},
                                        {"ds01.made_by", "hub"},
                                        {"ds01.confined_by", "apparmor"}},
                                       "slice-of-alice");
  const Record proven = recordOf(view, ownerOf(view, sliceOf));
  EXPECT_EQ(proven.id, view.id);
  EXPECT_EQ(proven.name, "train");
  EXPECT_EQ(proven.image, "img");
  EXPECT_EQ(proven.created, "2026-11-23T20:55:10Z");
  EXPECT_EQ(proven.owner, "alice");
  EXPECT_EQ(proven.lease, LeaseId("L1"));
  EXPECT_EQ(proven.type, "devcontainer");
  EXPECT_EQ(proven.made_by, "hub");
  EXPECT_TRUE(proven.confined);
  const Record unproven = recordOf(view, std::nullopt);
  EXPECT_EQ(unproven.name, "train");
  EXPECT_EQ(unproven.owner, std::nullopt);
  EXPECT_EQ(unproven.lease, std::nullopt);
  EXPECT_EQ(unproven.type, "");
  EXPECT_EQ(unproven.made_by, "");
  EXPECT_FALSE(unproven.confined);
}

TEST(RecordOf, NoLeaseLabelNoLease) {
  EXPECT_EQ(recordOf(container({}, ""), "alice").lease, std::nullopt);
  EXPECT_EQ(recordOf(container({{"ds01.lease", ""}}, ""), "alice").lease, std::nullopt);
}

}  // namespace
}  // namespace ds01::ownership
