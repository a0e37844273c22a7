// Images are everybody's to use; a tag is set and moved by who brought it.
#include <future>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/build_query.h"
#include "images_scene.h"
#include "tar_bytes.h"

namespace ds01::gateway {
namespace {

using ownership::TagOwner;
using test::Client;
using test::hub;
using test::imageId;
using test::ImagesTest;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using Answered = std::pair<int, std::string>;

TEST_F(ImagesTest, ATagIsNewOrOnesOwn) {
  h.engine().answer("POST", "/images/root:1/tag", 201, "");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/images/root:1/tag?repo=mine&tag=1")->status, 201);
  for (const char* const taken : {"repo=bobs&tag=1", "repo=bobs:1", "repo=docker.io/library/bobs:1", "repo=root&tag=1",
                                  "repo=index.docker.io/bobs&tag=1", "repo=bobs:2&tag=1", "repo=pulled&tag=1"}) {
    const auto reply = client.request("POST", std::string("/images/mine:1/tag?") + taken);
    EXPECT_EQ(reply->status, 409) << taken;
    EXPECT_THAT(reply->body, HasSubstr("is taken by somebody else on this server; choose another one, such as alice/"));
    EXPECT_THAT(reply->body, Not(HasSubstr("bob ")));
  }
  EXPECT_EQ(sent(), std::vector<std::string>{"POST /images/root:1/tag?repo=docker.io/library/mine&tag=1"});
  EXPECT_EQ(client.request("POST", "/images/mine:1/tag?repo=Bobs&tag=1")->status, 400);
  EXPECT_EQ(client.request("POST", "/images/mine:1/tag?repo=x@" + imageId('a'))->status, 400);
}

TEST_F(ImagesTest, WhichContainersThereAreOfTheirPartsIsNotTold) {
  for (const char* const path : {"/images/json", "/images/root:1/json"}) {
    h.engine().answer("GET", path, 200, "[]");
    EXPECT_EQ(h.connect().get(std::string(path) + "?manifests=1")->status, 200);
  }
  EXPECT_EQ(sent(), (std::vector<std::string>{"GET /images/json", "GET /images/root:1/json"}));
}

TEST_F(ImagesTest, WhatIsTaggedBelongsToWhoTagsIt) {
  h.engine().answer("POST", "/images/root:1/tag", [&](const ds01::test::FakeDockerd::Request&) -> Answered {
    EXPECT_EQ(owner("new:latest"), (TagOwner{"alice", true})) << "on disk before the Engine is asked";
    appears("new:latest", 'd');
    return {201, ""};
  });
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/images/root:1/tag?repo=new")->status, 201);
  EXPECT_EQ(owner("new:latest"), (TagOwner{"alice", true}));
  EXPECT_EQ(h.images.ofImage(imageId('d')), std::nullopt) << "the image itself stays whose it was";
}

TEST_F(ImagesTest, WhatDidNotComeToBeIsNobodys) {
  h.engine().answer("POST", "/images/gone/tag", 404, R"({"message":"No such image: gone"})");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/images/gone/tag?repo=new")->status, 404);
  EXPECT_EQ(owner("new:latest"), std::nullopt);
}

TEST_F(ImagesTest, NothingIsMadeThatIsNotWrittenDown) {
  h.images.failure = Error(ErrorCode::Io, "no");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/images/root:1/tag?repo=new")->status, 503);
  h.images.failure = Error(ErrorCode::Exhausted, "you have 500 tags");
  EXPECT_EQ(client.request("POST", "/images/root:1/tag?repo=new")->status, 409);
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(ImagesTest, CommitAndImportAreHeldToTheSame) {
  h.engine().answer("POST", "/commit", [&](const ds01::test::FakeDockerd::Request&) -> Answered {
    appears("new:1", '5');
    return {201, R"({"Id":")" + imageId('5') + "\"}"};
  });
  h.engine().answer("POST", "/images/create", 200, R"({"status":")" + imageId('6') + "\"}\n");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/commit?container=mine&repo=bobs&tag=1", "{}")->status, 409);
  EXPECT_EQ(client.request("POST", "/images/create?fromSrc=-&repo=bobs&tag=1")->status, 409);
  EXPECT_THAT(sent(), IsEmpty());
  EXPECT_EQ(client.request("POST", "/commit?container=mine&repo=new&tag=1", "{}")->status, 201);
  EXPECT_EQ(owner("new:1"), (TagOwner{"alice", true}));
  EXPECT_EQ(h.images.ofImage(imageId('5')), "alice");
  EXPECT_EQ(client.request("POST", "/images/create?fromSrc=-&tag=ignored")->status, 200);
  EXPECT_EQ(h.images.ofImage(imageId('6')), "alice");
  EXPECT_EQ(sent().back(), "POST /images/create?fromSrc=-");
}

TEST_F(ImagesTest, ABuildNamesItsImagesLikewise) {
  h.engine().answer("POST", "/build", [&](const ds01::test::FakeDockerd::Request&) -> Answered {
    appears("new:latest", '5');
    const std::string told =
        R"({"stream":"Loaded image ID: )" + imageId('7') + R"(\n"}{"aux":{"ID":")" + imageId('5') + "\"}}\n";
    return {200, told};
  });
  Client client = h.connect();
  for (const std::string query : {"t=bobs:1", "t=mine:1&t=bobs:1", "t=root:1", "t=pulled:1",
                                  R"(outputs=[{"Type":"moby","Attrs":{"name":"bobs:1"}}])",
                                  R"(outputs=[{"type":"image","attrs":{"name":"mine:1,bobs:1"}}])"}) {
    EXPECT_EQ(client.request("POST", "/build?" + query)->status, 409) << query;
  }
  EXPECT_THAT(sent(), IsEmpty());
  EXPECT_EQ(client.request("POST", "/build?t=new&t=mine:1")->status, 200);
  EXPECT_THAT(sent().back(),
              AllOf(HasSubstr("t=docker.io/library/new:latest"), HasSubstr("t=docker.io/library/mine:1")));
  EXPECT_EQ(owner("new:latest"), (TagOwner{"alice", true}));
  EXPECT_EQ(h.images.ofImage(imageId('5')), "alice");
  EXPECT_EQ(h.images.ofImage(imageId('7')), std::nullopt) << "the output of a step";
}

TEST_F(ImagesTest, AQuietBuildTellsTheIdAlone) {
  const std::string id = R"({"stream":")" + imageId('5') + "\\n\"}\n";
  h.engine().answer("POST", "/build", 200, id + R"({"errorDetail":{"message":"step failed"}})");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/build?q=1")->status, 200);
  EXPECT_EQ(h.images.ofImage(imageId('5')), std::nullopt) << "the output of a step that failed";
  h.engine().answer("POST", "/build", 200, id);
  EXPECT_EQ(client.request("POST", "/build")->status, 200);
  EXPECT_EQ(h.images.ofImage(imageId('5')), std::nullopt) << "the output of a step";
  EXPECT_EQ(client.request("POST", "/build?q=1")->status, 200);
  EXPECT_EQ(h.images.ofImage(imageId('5')), "alice");
}

TEST(BuildOutputs, AreWrittenAnew) {
  EXPECT_EQ(rewriteBuildOutputs("")->text, "");
  EXPECT_EQ(rewriteBuildOutputs("null")->text, "");
  EXPECT_EQ(rewriteBuildOutputs("[]")->text, "[]");
  EXPECT_EQ(rewriteBuildOutputs(R"([{"Type":"local","Attrs":{"dest":"out"}}])")->text,
            R"([{"Type":"local","Attrs":{"dest":"out"}}])");
  const auto named = rewriteBuildOutputs(R"([{"TYPE":"image","Attrs":{"name":"a,b:1"},"attr\u017f":null}])");
  ASSERT_TRUE(named);
  EXPECT_EQ(named->text, R"([{"Type":"image","Attrs":{"name":"docker.io/library/a:latest,docker.io/library/b:1"}}])");
  EXPECT_EQ(named->tags.size(), 2U);
  for (const char* const bad :
       {"x", "{}", "[1]", R"([{"Type":"oci"}])", R"([{"Type":1}])", R"([{"Type":"image","Attrs":{"push":"true"}}])",
        R"([{"Type":"image","Attrs":{"dangling-name-prefix":"x"}}])", R"([{"Type":"image","Attrs":{"name":"*"}}])",
        R"([{"Type":"image","Attrs":{"name":1}}])", R"([{"Other":"a"}])"}) {
    EXPECT_FALSE(rewriteBuildOutputs(bad)) << bad;
  }
}

TEST_F(ImagesTest, APullReplacesWhatCameFromTheRegistry) {
  h.engine().answer("POST", "/images/create", 200, "{}");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/images/create?fromImage=pulled&tag=1")->status, 200);
  EXPECT_EQ(owner("pulled:1"), (TagOwner{"bob", false})) << "it stays whose it was";
  EXPECT_EQ(client.request("POST", "/images/create?fromImage=registry:1")->status, 200);
  EXPECT_EQ(owner("registry:1"), std::nullopt);
  EXPECT_EQ(client.request("POST", "/images/create?fromImage=mine&tag=1")->status, 200);
  EXPECT_EQ(sent().size(), 3U);
  EXPECT_EQ(sent().front(), "POST /images/create?fromImage=docker.io/library/pulled&tag=1");
  for (const char* const query : {"fromImage=bobs&tag=1", "fromImage=bobs:1", "fromImage=root&tag=1"}) {
    const auto reply = client.request("POST", std::string("/images/create?") + query);
    EXPECT_EQ(reply->status, 409) << query;
    EXPECT_THAT(reply->body, HasSubstr("was made on this server by somebody else"));
  }
  EXPECT_EQ(sent().size(), 3U);
}

TEST_F(ImagesTest, WhoPullsANewTagHasIt) {
  h.engine().answer("POST", "/images/create", [&](const ds01::test::FakeDockerd::Request&) -> Answered {
    appears("new:1", '5');
    return {200, "{}"};
  });
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/images/create?fromImage=new&tag=1&fromSrc=-&repo=bobs")->status, 200);
  EXPECT_EQ(sent().back(), "POST /images/create?fromImage=docker.io/library/new&tag=1");
  EXPECT_EQ(owner("new:1"), (TagOwner{"alice", false}));
  EXPECT_EQ(h.images.ofImage(imageId('5')), "alice");
}

TEST_F(ImagesTest, AllTagsOfARepository) {
  h.engine().answer("POST", "/images/create", [&](const ds01::test::FakeDockerd::Request&) -> Answered {
    appears("many:2", '5');
    return {200, "{}"};
  });
  h.engine_client.image_views.erase("bobs:1");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/images/create?fromImage=bobs")->status, 409);
  EXPECT_THAT(sent(), IsEmpty());
  EXPECT_EQ(client.request("POST", "/images/create?fromImage=many")->status, 200);
  EXPECT_EQ(owner("many:2"), (TagOwner{"alice", false}));
  const std::string digest = "many@" + imageId('5');
  h.engine_client.image_views[hub(digest)].id = imageId('5');
  EXPECT_EQ(client.request("POST", "/images/create?fromImage=many&tag=" + imageId('5'))->status, 200);
  EXPECT_EQ(h.images.ofImage(imageId('5')), "alice");
}

TEST_F(ImagesTest, ALoadedImageIsJudgedByItsTags) {
  h.engine().answer("POST", "/images/load", [&](const ds01::test::FakeDockerd::Request&) -> Answered {
    appears("new:1", '5');
    return {200, "{}"};
  });
  const auto load = [this](const std::string& tags) {
    const std::string body = test::file(R"([{"RepoTags":[)" + tags + "]}]", "manifest.json") + test::kEnd;
    Client client = h.connect();
    client.send("POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                body);
    return client.read();
  };
  EXPECT_EQ(load(R"("bobs:1")")->status, 409);
  EXPECT_EQ(load(R"("new:1","root:1")")->status, 409);
  EXPECT_EQ(owner("new:1"), std::nullopt);
  EXPECT_EQ(load(R"("new:1","mine:1")")->status, 200);
  EXPECT_EQ(owner("new:1"), (TagOwner{"alice", true}));
  EXPECT_EQ(h.images.ofImage(imageId('5')), "alice");
  h.site.modes.set(RuleClass::Ownership, Enforcement::Monitoring);
  EXPECT_EQ(load(R"("bobs:1")")->status, 409) << "half of it has gone to the Engine, so it cannot be handled anew";
}

TEST_F(ImagesTest, OwnersOfWhatIsGoneAreForgotten) {
  h.images.owners.putTag(hub("stale:1"), {"bob", true});
  h.identities.become({0, true}, test::callerNamed("root", 0, true));
  h.engine().answer("POST", "/images/prune", 200, "{}");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/images/prune")->status, 200);
  EXPECT_EQ(client.get("/_ping")->status, 404);  // and what follows the answer has been done
  EXPECT_EQ(owner("stale:1"), std::nullopt);
  EXPECT_EQ(owner("bobs:1"), (TagOwner{"bob", true}));
}

TEST_F(ImagesTest, AdminsDoAsTheyLike) {
  h.identities.become({0, true}, test::callerNamed("root", 0, true));
  h.engine().answer("POST", "/images/mine:1/tag", 201, "");
  h.engine().answer("DELETE", "/images/bobs:1", 200, R"([{"Untagged":"bobs:1"}])");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/images/mine:1/tag?repo=bobs&tag=1")->status, 201);
  EXPECT_EQ(client.request("DELETE", "/images/bobs:1?force=1")->status, 200);
  EXPECT_EQ(owner("bobs:1"), std::nullopt) << "it is gone";
}

TEST_F(ImagesTest, WhatAnAdminSetsIsNoUsersAnyMore) {
  h.identities.become({0, true}, test::callerNamed("root", 0, true));
  h.engine().answer("POST", "/build", [&](const ds01::test::FakeDockerd::Request& request) -> Answered {
    EXPECT_EQ(request.target, "/build?t=bobs:1&pull=1") << "as it came";
    appears("bobs:1", '5');
    return {200, "{}"};
  });
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/build?t=bobs:1&pull=1")->status, 200);
  EXPECT_EQ(owner("bobs:1"), std::nullopt);
}

TEST_F(ImagesTest, ATagIsAsItWasMadeLast) {
  h.engine().answer("POST", "/build", [&](const ds01::test::FakeDockerd::Request&) -> Answered {
    appears("pulled:1", '5');
    return {200, "{}"};
  });
  h.images.owners.putTag(hub("pulled:1"), {"alice", false});
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/build?t=pulled:1")->status, 200);
  EXPECT_EQ(owner("pulled:1"), (TagOwner{"alice", true}));
  h.engine().answer("POST", "/images/create", 200, "{}");
  EXPECT_EQ(client.request("POST", "/images/create?fromImage=pulled:1")->status, 200);
  EXPECT_EQ(owner("pulled:1"), (TagOwner{"alice", true})) << "nothing came of it";
}

TEST_F(ImagesTest, APullIsForThisMachine) {
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/images/create?fromImage=pulled:1&platform=linux/arm64")->status, 409);
  EXPECT_EQ(client.request("POST", "/images/create?fromImage=pulled&platform=linux/arm64")->status, 409);
  EXPECT_EQ(client.request("POST", "/build?pull=1")->status, 403) << "the classic builder sets tags by FROM";
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(ImagesTest, ARegistryOfThisMachineProvesNothing) {
  for (const std::string repository : {"localhost:5000/x", "127.0.0.1:5000/x", "localhost/x"}) {
    h.engine_client.image_views[repository + ":1"] = {
        .id = imageId('8'), .env = {}, .labels = {}, .tags = {}, .digests = {}, .volumes = {}};
    h.images.owners.putTag(repository + ":1", {"bob", false});
    Client client = h.connect();
    EXPECT_EQ(client.request("POST", "/images/create?fromImage=" + repository + "&tag=1")->status, 409) << repository;
  }
}

TEST_F(ImagesTest, OneImageIsPulledByDigestWhereAllTagsMightBe) {
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/images/create?fromImage=bobs&tag=" + imageId('5'))->status, 409);
  EXPECT_THAT(sent(), IsEmpty()) << "bobs:1 would count as coming from there";
}

TEST_F(ImagesTest, OnesOwnIsPushed) {
  h.engine().answer("POST", "/images/docker.io/library/mine/push", 200, "{}");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/images/mine/push?tag=1")->status, 200);
  EXPECT_EQ(client.request("POST", "/images/bobs/push?tag=1")->status, 403);
  EXPECT_EQ(client.request("POST", "/images/docker.io/library/root/push")->status, 403) << "all of its tags";
  EXPECT_EQ(client.request("POST", "/images/mine:7/push?tag=1")->status, 200) << "as it was decided on";
  EXPECT_EQ(client.request("POST", "/images/mine@" + imageId('a') + "/push")->status, 400);
  const std::string push = "POST /images/docker.io/library/mine/push?tag=1";
  EXPECT_EQ(sent(), (std::vector<std::string>{push, push}));
}

TEST_F(ImagesTest, WithoutTheEngineNothingIsDecided) {
  h.engine_client.away = true;
  Client client = h.connect();
  for (const char* const target :
       {"/images/root:1/tag?repo=new", "/build?t=new", "/images/create?fromImage=new:1", "/images/create?fromImage=new",
        "/images/create?fromSrc=-&repo=new", "/images/load", "/images/mine:1/push", "/images/prune"}) {
    const auto reply = client.request("POST", target);
    EXPECT_THAT(reply->status, testing::AnyOf(502, 503)) << target;
    EXPECT_THAT(reply->body, HasSubstr("the Docker Engine")) << target;
  }
  EXPECT_EQ(client.request("DELETE", "/images/mine:1")->status, 503);
  EXPECT_EQ(owner("new:latest"), std::nullopt);
}

TEST_F(ImagesTest, WhatWasThereIsNobodysToTake) {
  h.engine().answer("POST", "/build", 200, R"({"aux":{"ID":")" + imageId('d') + "\"}}\n");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/build")->status, 200);
  EXPECT_EQ(h.images.ofImage(imageId('d')), std::nullopt) << "FROM root's image, and no more";
}

// The Engine goes on with what it has, and sets the tag in the end.
TEST_F(ImagesTest, WhoHangsUpHoldsTheTagUntilTheEngineIsDone) {
  std::promise<void> asked;
  std::promise<void> tried;
  std::shared_future<void> go = tried.get_future().share();
  h.engine().answer("POST", "/images/load", [&](const ds01::test::FakeDockerd::Request&) -> Answered {
    asked.set_value();
    go.wait();
    appears("new:1", '5');
    return {200, "{}"};
  });
  h.engine().answer("GET", "/_ping", 200, "OK");
  const std::string body = test::file(R"([{"RepoTags":["new:1"]}])", "manifest.json") + test::kEnd;
  Client alice = h.connect();
  alice.send("POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
             body);
  asked.get_future().wait();
  alice.close();
  h.identities.become({1002, true}, test::callerNamed("bob", 1002));
  Client bob = h.connect();
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(bob.request("POST", "/images/root:1/tag?repo=new&tag=1")->body, HasSubstr("at this moment"));
  }
  tried.set_value();
  std::string refusal;
  do {
    refusal = bob.request("POST", "/images/root:1/tag?repo=new&tag=1")->body;
  } while (refusal.find("at this moment") != std::string::npos);
  EXPECT_THAT(refusal, HasSubstr("is taken by somebody else"));
  EXPECT_EQ(owner("new:1"), (TagOwner{"alice", true}));
}

// Between the look at a tag and the Engine's answer nobody else may make it.
TEST_F(ImagesTest, ATagIsMadeByOneAtATime) {
  std::string second;
  h.identities.users["bob"] = test::callerNamed("bob", 1002).user;
  h.engine().answer("POST", "/build", [&](const ds01::test::FakeDockerd::Request&) -> Answered {
    h.identities.become({1002, true}, test::callerNamed("bob", 1002));
    Client bob = h.connect();
    second = bob.request("POST", "/images/root:1/tag?repo=new")->body;
    return {200, "{}"};
  });
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/build?t=new")->status, 200);
  EXPECT_THAT(second, HasSubstr("is being set by another request at this moment"));
}

}  // namespace
}  // namespace ds01::gateway
