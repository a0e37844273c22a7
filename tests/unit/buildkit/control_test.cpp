#include "buildkit/control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "buildkit/grpc.h"

namespace ds01::buildkit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// One field of protobuf's whose length fits a byte.
std::string text(int field, const std::string& value) {
  return std::string(1, static_cast<char>(field << 3 | 2)) + static_cast<char>(value.size()) + value;
}
std::string pair(const std::string& key, const std::string& value) {
  return text(1, key) + text(2, value);
}
std::string flag(int field, char value) {
  return std::string(1, static_cast<char>(field << 3)) + value;
}

TEST(Grpc, oneMessage) {
  EXPECT_EQ(oneMessage(framed("abc")).value(), "abc");
  EXPECT_EQ(oneMessage(framed("")).value(), "");
  EXPECT_EQ(framed("abc"), std::string("\0\0\0\0\3abc", 8));
  std::string compressed = framed("abc");
  compressed.front() = '\1';
  EXPECT_FALSE(oneMessage(compressed));
  EXPECT_FALSE(oneMessage(framed("abc") + framed("d")));
  EXPECT_FALSE(oneMessage(framed("abc").substr(0, 7)));
  EXPECT_FALSE(oneMessage("\0\0"));
  EXPECT_FALSE(oneMessage(""));
}

TEST(Grpc, messagesComeApart) {
  Messages messages(4);
  EXPECT_EQ(messages.next().value(), std::nullopt);
  const std::string all = framed("abcd") + framed("") + framed("e");
  messages.add(all.substr(0, 3));
  EXPECT_EQ(messages.next().value(), std::nullopt);
  messages.add(all.substr(3));
  EXPECT_EQ(messages.next().value(), "abcd");
  EXPECT_EQ(messages.next().value(), "");
  EXPECT_EQ(messages.next().value(), "e");
  EXPECT_EQ(messages.next().value(), std::nullopt);
  messages.add(framed("12345").substr(0, 5));
  EXPECT_EQ(messages.next().error().code(), ErrorCode::Exhausted);
  Messages compressed(4);
  compressed.add(std::string("\1\0\0\0\0", 5));
  EXPECT_EQ(compressed.next().error().code(), ErrorCode::Malformed);
}

TEST(Grpc, textsInHeaders) {
  EXPECT_EQ(percentEncoded("50 % of \xc3\xa9\n"), "50 %25 of %C3%A9%0A");
}

TEST(Control, methods) {
  EXPECT_EQ(methodOf("/moby.buildkit.v1.Control/Solve"), Method::Solve);
  EXPECT_EQ(methodOf("/moby.buildkit.v1.Control/Status"), Method::Status);
  EXPECT_EQ(methodOf("/moby.buildkit.v1.frontend.LLBBridge/Solve"), Method::SolveWithin);
  EXPECT_EQ(methodOf("/moby.buildkit.v1.frontend.LLBBridge/Ping"), Method::WithinBuild);
  EXPECT_EQ(methodOf("/moby.buildkit.v1.frontend.LLBBridge/Return"), Method::Return);
  EXPECT_EQ(methodOf("/moby.buildkit.v1.Control/DiskUsage"), Method::Du);
  EXPECT_EQ(methodOf("/moby.buildkit.v1.Control/Prune"), Method::Prune);
  for (const char* closed :
       {"", "/", "/moby.buildkit.v1.Control/solve", "/moby.buildkit.v1.Control/Solve/",
        "//moby.buildkit.v1.Control/Solve", "/moby.buildkit.v1.Control/Session",
        "/moby.buildkit.v1.Control/ListenBuildHistory", "/moby.buildkit.v1.Control/UpdateBuildHistory",
        "/containerd.services.content.v1.Content/Read", "/moby.buildkit.v1.frontend.LLBBridgeX/Solve",
        "/moby.buildkit.v1.frontend.LLBBridge/NewContainer", "/moby.buildkit.v1.frontend.LLBBridge/ReadFile",
        "/moby.buildkit.v1.frontend.LLBBridge/ExecProcess", "/moby.buildkit.v1.frontend.LLBBridge/ResolveSourceMeta",
        "/moby.buildkit.v1.frontend.LLBBridge/"}) {
    EXPECT_EQ(methodOf(closed), Method::Unknown) << closed;
  }
}

TEST(Control, refs) {
  EXPECT_TRUE(isRef("0v3j1m9x2k4l6p8q0r5t7w9y1"));
  EXPECT_FALSE(isRef(""));
  EXPECT_FALSE(isRef("a, b"));
  EXPECT_FALSE(isRef(std::string(129, 'a')));
}

TEST(Control, aSolveIsWrittenAnew) {
  const std::string message =
      text(1, "first") + text(1, "r1") + text(3, "moby") + text(4, pair("name", "a:1")) + text(5, "session") +
      text(6, "gateway.v0") + text(7, pair("filename", "Dockerfile")) +
      text(8, text(2, "a") + text(4, text(1, "inline") + text(2, pair("a", "b"))) + text(5, text(1, "registry"))) +
      text(9, "network.host") + flag(11, 0) + text(13, text(1, "image") + text(2, pair("name", "b:1")) + text(3, "0")) +
      flag(14, 1);
  const Result<SolveRequest> read = readSolve(message);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->ref, "r1");
  ASSERT_TRUE(read->exporter);
  EXPECT_EQ(read->exporter->type, "moby");
  EXPECT_EQ(read->exporter->attributes, (Attributes{{"name", "a:1"}}));
  ASSERT_EQ(read->exporters.size(), 1U);
  EXPECT_EQ(read->exporters[0].attributes, (Attributes{{"name", "b:1"}}));
  EXPECT_EQ(read->frontend, "gateway.v0");
  EXPECT_EQ(read->options, (Attributes{{"filename", "Dockerfile"}}));
  EXPECT_FALSE(read->own_llb);
  EXPECT_THAT(read->entitlements, ElementsAre("network.host"));
  EXPECT_TRUE(read->exporters_by_session);

  const std::string written = writeSolve(*read);
  EXPECT_EQ(written, text(1, "r1") + flag(11, 1) + text(3, "moby") + text(4, pair("name", "a:1")) +
                         text(6, "gateway.v0") + text(7, pair("filename", "Dockerfile")) +
                         text(13, text(1, "image") + text(2, pair("name", "b:1")) + text(3, "0")) +
                         text(8, text(4, text(1, "inline"))) + text(5, "session"));
}

TEST(Control, cachesAreTheEnginesOwn) {
  const auto read = readSolve(text(8, text(2, "a") + text(5, text(1, "registry"))));
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->inline_cache || read->other_caches);
  EXPECT_TRUE(readSolve(text(8, text(4, text(1, "registry"))))->other_caches);
  EXPECT_TRUE(readSolve(text(8, text(4, "")))->other_caches);
  EXPECT_FALSE(readSolve(text(8, text(1, "x"))));
  EXPECT_FALSE(readSolve(text(8, "caches")));
}

// In a map the last of a key counts, and what is not written is empty: as in Go.
TEST(Control, attributesAsTheEngineReadsThem) {
  const auto read = readSolve(text(4, pair("name", "mine")) + text(4, text(2, "theirs") + text(1, "name")) +
                              text(4, text(1, "x")) + text(4, text(1, "a") + text(1, "b") + text(2, "c")));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->exporter->attributes, (Attributes{{"name", "theirs"}, {"x", ""}, {"b", "c"}}));
}

TEST(Control, whatIsNotKnownIsRefused) {
  for (const int policy : {12, 15}) EXPECT_FALSE(readSolve(text(policy, "s"))) << policy;
  for (const int field : {10, 11, 15}) EXPECT_FALSE(readWithin(text(field, "s"))) << field;
  EXPECT_THAT(readSolve(text(13, text(4, "x"))).error().message(), HasSubstr("field 4 of an exporter"));
  EXPECT_THAT(readSolve(text(4, text(3, "x"))).error().message(), HasSubstr("field 3 of the exporter"));
  EXPECT_THAT(readSolve(flag(1, 1)).error().message(), HasSubstr("another type"));
  EXPECT_THAT(readSolve(text(14, "x")).error().message(), HasSubstr("another type"));
  EXPECT_THAT(readSolve(text(1, "abc").substr(0, 3)).error().message(), HasSubstr("no protobuf message"));
  EXPECT_THAT(readSolve("\x0f").error().message(), HasSubstr("no protobuf message"));
  EXPECT_FALSE(readStatus(text(2, "x")));
}

TEST(Control, instructionsOfOnesOwnAreNoticedAndLeftOut) {
  for (const std::string& message : {text(2, "definition"), text(10, "inputs"), text(2, "")}) {
    const auto read = readSolve(message);
    ASSERT_TRUE(read);
    EXPECT_TRUE(read->own_llb);
    EXPECT_EQ(writeSolve(*read), text(1, "") + flag(11, 1));
  }
  for (const std::string& message : {text(1, "definition"), text(13, "inputs"), text(1, "")}) {
    const auto read = readWithin(message);
    ASSERT_TRUE(read);
    EXPECT_TRUE(read->own_llb);
    EXPECT_EQ(writeWithin(*read), "");
  }
}

TEST(Control, aRequestWithinABuildIsWrittenAnew) {
  const auto read =
      readWithin(flag(5, 1) + text(2, "dockerfile.v0") + text(3, pair("a", "b")) + flag(14, 1) + text(12, "cache"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->frontend, "dockerfile.v0");
  EXPECT_EQ(read->options, (Attributes{{"a", "b"}}));
  EXPECT_FALSE(read->own_llb);
  EXPECT_EQ(writeWithin(*read), text(2, "dockerfile.v0") + text(3, pair("a", "b")) + flag(5, 1) + flag(14, 1));
  EXPECT_FALSE(readWithin(text(7, "x")));
  EXPECT_FALSE(readWithin(text(5, "x")));
}

TEST(Control, whatABuildReturns) {
  const std::string ref = text(3, text(1, "id"));
  const std::string config = text(10, pair("containerimage.config", "{}"));
  for (const std::string& good :
       {text(1, ref), text(1, ref + config), text(1, text(4, text(1, text(1, "linux/amd64") + text(2, text(1, "id"))))),
        text(2, "status")}) {
    EXPECT_TRUE(examineReturn(good));
  }
  for (const std::string& bad :
       {std::string(), text(1, ""), text(1, config), text(1, text(3, "\x18")), text(1, text(4, text(1, text(1, "x")))),
        text(1, text(4, text(2, "x"))), text(1, ref + text(10, pair("containerimage.config", "null"))),
        text(1, ref + text(11, "attestations")), text(1, text(1, "old")), text(3, "x"), std::string("\x0f")}) {
    EXPECT_FALSE(examineReturn(bad));
  }
}

TEST(Control, tooManyOfAKind) {
  std::string exporters;
  for (int i = 0; i < 9; ++i) exporters += text(13, text(1, "image"));
  EXPECT_FALSE(readSolve(exporters));
  std::string options;
  for (int i = 0; i < 2001; ++i) options += text(7, pair("k" + std::to_string(i), ""));
  EXPECT_FALSE(readSolve(options));
}

TEST(Control, status) {
  EXPECT_EQ(readStatus(writeStatus("r1")).value(), "r1");
  EXPECT_EQ(readStatus("").value(), "");
}

TEST(Control, imagesOfAnAnswer) {
  const std::string id = "sha256:" + std::string(64, 'a');
  EXPECT_THAT(imagesOf(text(1, pair("containerimage.digest", id)) + text(1, pair("image.name", "x"))), ElementsAre(id));
  EXPECT_THAT(imagesOf(text(1, pair("containerimage.digest", "sha256:../x"))), IsEmpty());
  EXPECT_THAT(imagesOf("\xff"), IsEmpty());
  EXPECT_THAT(imagesOf(""), IsEmpty());
}

}  // namespace
}  // namespace ds01::buildkit
