// Images are removed by who brought them, one by one or by a prune.
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "images_scene.h"

namespace ds01::gateway {
namespace {

using ownership::TagOwner;
using test::Client;
using test::fullId;
using test::hub;
using test::imageId;
using test::ImagesTest;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST_F(ImagesTest, OneRemovesWhatOneBrought) {
  h.engine().answer("DELETE", "/images/docker.io/library/mine:1", 200,
                    R"([{"Untagged":"mine:1"},{"Deleted":")" + imageId('a') + "\"}]");
  h.images.owners.putImage(imageId('a'), "alice");
  Client client = h.connect();
  for (const std::string& ref : {std::string("bobs:1"), std::string("pulled:1"), std::string("root:1"), imageId('b'),
                                 imageId('b').substr(7, 12), imageId('d').substr(0, 19)}) {
    const auto reply = client.request("DELETE", "/images/" + ref);
    EXPECT_THAT(reply->status, testing::AnyOf(403, 409)) << ref;
    EXPECT_THAT(reply->body, HasSubstr("was brought to this server by somebody else")) << ref;
  }
  EXPECT_THAT(sent(), IsEmpty());
  EXPECT_EQ(client.request("DELETE", "/images/absent:1")->status, 404);
  EXPECT_EQ(client.request("DELETE", "/images/mine:1?force=1")->status, 403);
  EXPECT_EQ(client.request("DELETE", "/images/" + imageId('a').substr(7, 12))->status, 200);
  EXPECT_EQ(sent(), std::vector<std::string>{"DELETE /images/docker.io/library/mine:1"});
  EXPECT_EQ(owner("mine:1"), std::nullopt);
  EXPECT_EQ(h.images.ofImage(imageId('a')), std::nullopt);
}

TEST_F(ImagesTest, WhatHasNoTagIsOfWhoBroughtIt) {
  h.engine_client.image_views[imageId('a')].tags = {};
  h.engine().answer("DELETE", "/images/" + imageId('a'), 200, "[]");
  Client client = h.connect();
  EXPECT_EQ(client.request("DELETE", "/images/" + imageId('a'))->status, 403);
  h.images.owners.putImage(imageId('a'), "alice");
  EXPECT_EQ(client.request("DELETE", "/images/" + imageId('a'))->status, 200);
  h.engine_client.image_views[imageId('a')].tags = {"mine:1", "other:1"};
  EXPECT_THAT(client.request("DELETE", "/images/" + imageId('a'))->body, HasSubstr("several names"));
}

TEST_F(ImagesTest, WhoseContainerNeedsAnImageIsNotTold) {
  const std::string id = fullId('b').substr(0, 12);
  h.engine().answer(
      "DELETE", "/images/docker.io/library/mine:1", 409,
      R"({"message":"conflict: unable to remove (must force) - container )" + id + R"( is using its x"})");
  Client client = h.connect();
  EXPECT_THAT(client.request("DELETE", "/images/mine:1")->body,
              AllOf(HasSubstr("container of another user is using"), Not(HasSubstr(id))));
  const std::string own = fullId('a').substr(0, 12);
  h.engine().answer("DELETE", "/images/docker.io/library/mine:1", 409, R"({"message":"- container )" + own + " x\"}");
  EXPECT_THAT(client.request("DELETE", "/images/mine:1")->body, HasSubstr(own));
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) out += fmt::format("%{:02x}", static_cast<unsigned char>(c));
  return out;
}

TEST_F(ImagesTest, APruneRemovesOnesOwn) {
  h.engine().answer("GET", "/v1.41/containers/json", 200, R"([{"Id":"x","ImageID":")" + imageId('4') + "\"}]");
  const std::string untagged = R"(,"RepoTags":["<none>:<none>"],"Created":1000,"Labels":{"keep":"1"}})";
  h.engine().answer("GET", "/v1.41/images/json", 200,
                    R"([{"Id":")" + imageId('1') + "\"" + untagged + R"(,{"Id":")" + imageId('2') + "\"" + untagged +
                        R"(,{"Id":")" + imageId('3') + R"(","RepoTags":null,"Created":5000000000},{"Id":")" +
                        imageId('4') + R"(","RepoTags":null},{"Id":")" + imageId('a') +
                        R"(","RepoTags":["mine:1","bobs:1","root:1"]}])");
  for (const char digit : {'1', '3', '4'}) h.images.owners.putImage(imageId(digit), "alice");
  h.images.owners.putImage(imageId('2'), "bob");
  for (const char digit : {'1', '2', '3', '4'}) {
    h.engine().answer("DELETE", "/v1.41/images/" + imageId(digit), 200, R"([{"Deleted":")" + imageId(digit) + "\"}]");
  }
  h.engine().answer("DELETE", "/v1.41/images/docker.io/library/mine:1", 200, R"([{"Untagged":"mine:1"}])");
  Client client = h.connect();
  const auto prune = [&](const std::string& filters) {
    return client.request("POST", "/v1.41/images/prune?filters=" + escaped(filters));
  };
  EXPECT_EQ(prune("{\"until\":[\"1\"]}")->body, R"({"ImagesDeleted":null,"SpaceReclaimed":0})");
  EXPECT_EQ(prune("{\"until\":[\"2000\"],\"label!\":[\"keep=1\"]}")->body,
            R"({"ImagesDeleted":null,"SpaceReclaimed":0})");
  EXPECT_EQ(prune("{\"until\":[\"2000\"]}")->body,
            R"({"ImagesDeleted":[{"Deleted":")" + imageId('1') + R"("}],"SpaceReclaimed":0})");
  EXPECT_THAT(sent().at(1), HasSubstr("%22dangling%22:%7B%22true%22:true"));
  EXPECT_EQ(h.images.ofImage(imageId('1')), std::nullopt);
  EXPECT_EQ(prune("{\"dangling\":[\"false\"]}")->body,
            R"({"ImagesDeleted":[{"Deleted":")" + imageId('3') + R"("},{"Untagged":"mine:1"}],"SpaceReclaimed":0})");
  EXPECT_EQ(owner("mine:1"), std::nullopt);
  EXPECT_EQ(owner("bobs:1"), (TagOwner{"bob", true}));
  for (const char* const bad : {"{\"reference\":[\"x\"]}", "{\"until\":[\"x\"]}", "{\"dangling\":[\"maybe\"]}", "x"}) {
    EXPECT_EQ(prune(bad)->status, 400) << bad;
  }
}

}  // namespace
}  // namespace ds01::gateway
