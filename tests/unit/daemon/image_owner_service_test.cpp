#include "daemon/image_owner_service.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "scene.h"
#include "support/temp_dir.h"

namespace ds01::daemon::test {
namespace {

using ownership::TagOwner;

struct Kept {
  ds01::test::AsioRunner runner;
  Disk disk;
  allocator::StateWriter writer{[this](std::string_view text) { return disk.write(text); }};
  ImageOwnerService service{runner.executor(), [this](std::string text, std::function<void(Status)> done) {
                              writer.write(std::move(text), std::move(done));
                            }};
  Status change(gateway::ImageChange change) { return runner.run(service.change(std::move(change))); }
};

TEST(ImageOwnerService, AChangeIsOnDiskWhenItIsAnswered) {
  Kept kept;
  ASSERT_TRUE(kept.change({.tags = {{"x:1", {"alice", true}}}, .images = {{"sha256:a", "alice"}}}));
  EXPECT_EQ(ownership::decodeImageOwners(kept.disk.text())->ofTag("x:1"), (TagOwner{"alice", true}));
  ASSERT_TRUE(kept.change({.tags_gone = {"x:1"}, .images_gone = {"sha256:a"}}));
  const auto written = ownership::decodeImageOwners(kept.disk.text());
  EXPECT_TRUE(written->tags().empty() && written->images().empty());
}

TEST(ImageOwnerService, AFullDiskIsTold) {
  Kept kept;
  kept.disk.full = true;
  EXPECT_EQ(kept.change({.tags = {{"x:1", {"alice", true}}}}).error().code(), ErrorCode::Io);
  kept.disk.full = false;
  ASSERT_TRUE(kept.change({.tags = {{"y:1", {"alice", true}}}}));
  EXPECT_TRUE(ownership::decodeImageOwners(kept.disk.text())->ofTag("x:1")) << "it holds, and is caught up with";
}

TEST(ImageOwnerService, TooManyTagsChangeNothing) {
  Kept kept;
  gateway::ImageChange many;
  for (std::size_t i = 0; i <= ownership::ImageOwners::kMostTags; ++i) {
    many.tags.emplace_back("x:" + std::to_string(i), TagOwner{"alice", true});
  }
  EXPECT_EQ(kept.change(std::move(many)).error().code(), ErrorCode::Exhausted);
  EXPECT_TRUE(kept.service.tags().empty());
}

TEST(ImageOwnerService, WhatWasOnDiskIsRead) {
  const ds01::test::TempDir dir;
  const std::filesystem::path file = dir.file("image-owners.json");
  EXPECT_FALSE(readSavedImageOwners(file)->owners);
  ownership::ImageOwners owners;
  ASSERT_TRUE(owners.putTag("x:1", {"alice", true}));
  std::ofstream(file) << ownership::encodeImageOwners(owners);
  EXPECT_EQ(readSavedImageOwners(file)->owners->ofTag("x:1"), (TagOwner{"alice", true}));
  std::ofstream(file) << "{";
  const auto broken = readSavedImageOwners(file);
  EXPECT_FALSE(broken->owners);
  EXPECT_NE(broken->warning.find("all images are the administrators'"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(file.native() + ".unreadable"));
}

}  // namespace
}  // namespace ds01::daemon::test
