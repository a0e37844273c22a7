#include "daemon/slice_names.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "scene.h"
#include "support/temp_dir.h"

namespace ds01::daemon::test {
namespace {

std::string partOf(Scene& scene, const std::string& login) {
  const Result<std::string> part = scene.runner.run(scene.names.partOf(login));
  return part ? *part : "error: " + std::string(toString(part.error().code()));
}

ContainerView viewAt(const std::string& login, const std::string& part) {
  ContainerView view = ownedView(containerId('a'), login);
  view.cgroup_parent = "ds01-student-" + part + ".slice";
  return view;
}

TEST(SliceNames, ANameIsOnDiskBeforeItIsUsed) {
  Scene scene;
  scene.names.allContainersSeen();
  EXPECT_EQ(partOf(scene, "u@d1"), "u");
  EXPECT_EQ(slices::decodeNames(scene.names_disk.text())->find("u@d1"), "u");
  scene.names_disk.full = true;
  EXPECT_EQ(partOf(scene, "u@d2"), "error: i/o");
  EXPECT_EQ(partOf(scene, "u@d1"), "u") << "that one is on disk";
  scene.names_disk.full = false;
  const std::string second = partOf(scene, "u@d2");
  EXPECT_TRUE(second.starts_with("u_")) << second;
  EXPECT_EQ(slices::decodeNames(scene.names_disk.text())->find("u@d2"), second);
}

TEST(SliceNames, NoNewNameBeforeItIsKnownWhichAreInUse) {
  Scene scene;
  EXPECT_EQ(partOf(scene, "u@d2"), "error: unavailable");
  scene.engine.add(viewAt("u@d1", "u"));
  scene.ready();
  EXPECT_TRUE(partOf(scene, "u@d2").starts_with("u_"));
  EXPECT_EQ(partOf(scene, "u@d1"), "u") << "learned from its container";
}

TEST(SliceNames, WhatWasOnDiskNeedsNoEngine) {
  Scene scene;
  slices::NameMap map;
  ASSERT_TRUE(map.assign("u@d1"));
  scene.names.restore(map);
  EXPECT_EQ(partOf(scene, "u@d1"), "u");
  EXPECT_TRUE(partOf(scene, "u@d2").starts_with("u_"));
}

TEST(SliceNames, ALoginWithoutANameIsToldSo) {
  Scene scene;
  scene.names.allContainersSeen();
  EXPECT_EQ(partOf(scene, "..@d1"), "error: invalid argument");
}

TEST(SliceNames, NobodyPassesForAnother) {
  Scene scene;
  scene.names.allContainersSeen();
  EXPECT_EQ(partOf(scene, "u@d1"), "u");
  const std::string second = partOf(scene, "u@d2");
  EXPECT_EQ(scene.names.provenOwner(viewAt("u@d1", "u")), "u@d1");
  EXPECT_EQ(scene.names.provenOwner(viewAt("u@d2", second)), "u@d2");
  EXPECT_EQ(scene.names.provenOwner(viewAt("u@d2", "u")), std::nullopt);
  EXPECT_EQ(scene.names.provenOwner(viewAt("u@d1", second)), std::nullopt);
  EXPECT_EQ(scene.names.provenOwner(viewAt("u@d3", "u")), std::nullopt) << "a login that has no name yet";
  EXPECT_EQ(scene.names.provenOwner(viewAt("u@d3", second)), std::nullopt);
  EXPECT_EQ(scene.names.provenOwner(viewAt("root", "u")), std::nullopt);
}

TEST(ReadSavedNames, SetsAsideWhatItCannotRead) {
  ds01::test::TempDir dir;
  const std::filesystem::path file = dir.file("slice-names.json");
  EXPECT_FALSE(readSavedNames(file)->names);
  slices::NameMap map;
  ASSERT_TRUE(map.assign("u@d1"));
  dir.write("slice-names.json", slices::encodeNames(map));
  EXPECT_EQ(readSavedNames(file)->names->find("u@d1"), "u");
  dir.write("slice-names.json", "{\"version\":1,");
  const Result<SavedNames> broken = readSavedNames(file);
  ASSERT_TRUE(broken);
  EXPECT_FALSE(broken->names);
  EXPECT_NE(broken->warning.find("slice-names.json.unreadable"), std::string::npos) << broken->warning;
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_TRUE(std::filesystem::exists(file.native() + ".unreadable"));
  dir.write("slice-names.json", "again");
  ASSERT_TRUE(readSavedNames(file));
  EXPECT_EQ(ds01::test::readFile(file.native() + ".unreadable"), "{\"version\":1,");
  EXPECT_EQ(ds01::test::readFile(file.native() + ".unreadable.1"), "again");
}

}  // namespace
}  // namespace ds01::daemon::test
