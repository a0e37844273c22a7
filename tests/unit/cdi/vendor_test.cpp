#include "cdi/file/vendor.h"

#include <filesystem>
#include <fstream>

#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/temp_dir.h"

namespace ds01::cdi {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

// From nvidia-ctk 1.17, shortened.
constexpr const char* kDescription = R"(---
cdiVersion: 0.5.0
containerEdits:
  deviceNodes:
  - path: /dev/nvidia-modeset
    fileMode: 438
  env:
  - NVIDIA_VISIBLE_DEVICES=void
  hooks:
  - args:
    - nvidia-cdi-hook
    - create-symlinks
    - --link
    - ../libnvidia-allocator.so.1::/usr/lib/gbm/nvidia-drm_gbm.so
    hookName: createContainer
    path: /usr/bin/nvidia-cdi-hook
devices:
- containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
  name: "0"
kind: nvidia.com/gpu
)";

std::string asJson(const std::string& yaml) {
  const auto value = yamlToJson(yaml, "test.yaml");
  return value ? boost::json::serialize(*value) : value.error().message();
}

TEST(YamlToJson, ReadsScalarsAsYamlDoes) {
  EXPECT_EQ(asJson("[a, 1, -7, \"1\", true, 'true', null, ~, 0.5.0, 195:0, '']"),
            R"(["a",1,-7,"1",true,"true",null,null,"0.5.0","195:0",""])");
  EXPECT_EQ(asJson("a: {b: [1]}\nc: []\n1: x"), R"({"a":{"b":[1]},"c":[],"1":"x"})");
}

TEST(YamlToJson, RefusesWhatCouldBeReadInTwoWays) {
  for (const char* yaml : {"a: 0666", "a: 0x1B6", "a: 0o666", "a: 1.5", "a: 99999999999999999999"}) {
    EXPECT_THAT(asJson(yaml), HasSubstr("line 1: ")) << yaml;
  }
  EXPECT_THAT(asJson("a: 1\na: 2"), HasSubstr("the key a stands twice"));
  EXPECT_THAT(asJson("[a]: 2"), HasSubstr("a key that is no text"));
}

TEST(ExistingNodes, AreCharacterDevicesAndNothingElse) {
  const ds01::test::TempDir temp;
  const std::string file = temp.write("file", "");
  const std::string link = temp.file("link");
  fs::create_symlink("/dev/null", link);
  EXPECT_THAT(existingNodes({"/dev/null", "/dev/not-there", file, link, "/dev", "/dev/zero"}),
              ElementsAre("/dev/null", "/dev/zero"));
}

class VendorDescription : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: only root's files are believed";
  }
  std::string put(const std::string& dir, const std::string& name, const std::string& text) {
    const fs::path path = fs::path(temp_.path()) / dir;
    fs::create_directories(path);
    std::ofstream(path / name) << text;
    ::chmod((path / name).c_str(), 0644);
    return path / name;
  }
  std::vector<std::string> dirs() const {
    return {fs::path(temp_.path()) / "etc", fs::path(temp_.path()) / "run", "/not/there"};
  }
  ds01::test::TempDir temp_;
};

TEST_F(VendorDescription, IsReadFromYamlWithItsTypes) {
  EXPECT_FALSE(*vendorDescription(dirs()));
  put("etc", "nvidia.yaml", kDescription);
  const auto found = vendorDescription(dirs());
  ASSERT_TRUE(found) << found.error().message();
  ASSERT_TRUE(*found);
  EXPECT_EQ((*found)->at("cdiVersion"), "0.5.0");
  EXPECT_EQ((*found)->at("containerEdits").at("deviceNodes").at(0).at("fileMode"), 438);
  EXPECT_EQ((*found)->at("devices").at(0).at("name"), "0");
}

TEST_F(VendorDescription, OfTheLastDirectoryWins) {
  put("etc", "nvidia.yaml", kDescription);
  put("run", "nvidia.json", R"({"cdiVersion":"0.7.0","kind":"nvidia.com/gpu","devices":[]})");
  put("run", "other.json", R"({"cdiVersion":"0.7.0","kind":"example.com/net","devices":[]})");
  put("run", "notes.txt", "kind: nvidia.com/gpu");
  put("run", "ds01.io-lease_L1.json", "no JSON");
  EXPECT_EQ((*vendorDescription(dirs()))->at("cdiVersion"), "0.7.0");
}

TEST_F(VendorDescription, ThatOthersMayChangeOrNobodyUnderstandsIsAnError) {
  const std::string file = put("etc", "nvidia.yaml", kDescription);
  ::chmod(file.c_str(), 0664);
  EXPECT_THAT(vendorDescription(dirs()).error().message(), HasSubstr("others than root may change it"));
  ::chmod(file.c_str(), 0644);
  ASSERT_EQ(::chown(file.c_str(), 12345, 0), 0);
  EXPECT_EQ(vendorDescription(dirs()).error().code(), ErrorCode::PermissionDenied);
  ASSERT_EQ(::chown(file.c_str(), 0, 0), 0);
  put("etc", "nvidia.yaml", "kind: [nvidia.com/gpu\n");
  EXPECT_EQ(vendorDescription(dirs()).error().code(), ErrorCode::Malformed);
  put("etc", "nvidia.yaml", "&a kind: nvidia.com/gpu\n");
  EXPECT_FALSE(vendorDescription(dirs()));
}

}  // namespace
}  // namespace ds01::cdi
