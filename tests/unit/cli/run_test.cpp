#include "cli/run.h"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/status.h"
#include "control/codec.h"
#include "control/json_text.h"
#include "samples.h"
#include "support/canned_http_server.h"
#include "support/temp_dir.h"

namespace ds01::cli {
namespace {

using ds01::test::CannedHttpServer;
using ds01::test::TempDir;
using testing::HasSubstr;
using namespace test;

class RunTest : public testing::Test {
 protected:
  // What `ds01 WORDS…` does against a daemon that sends this status reply.
  Outcome ds01(std::vector<std::string> words, int status = 200,
               std::string body = control::jsonText(control::toJson(busyMachine()))) {
    const std::string path = dir_.file("ds01.sock");
    const CannedHttpServer server(path, [&](std::string_view head) {
      if (head.starts_with("GET /v1/status ")) return CannedHttpServer::reply(status, body);
      return CannedHttpServer::reply(200, R"({"api":1,"all":false,"containers":[]})");
    });
    const auto parsed = parseArguments(std::move(words));
    const Outcome outcome = run(std::get<Invocation>(parsed), control::Client(path), plainPaper(), {});
    ::unlink(path.c_str());
    return outcome;
  }

  TempDir dir_;
};

TEST_F(RunTest, EveryVerbAnswersInText) {
  EXPECT_EQ(ds01({"status"}).out, statusText(busyMachine(), plainPaper()));
  EXPECT_THAT(ds01({"gpus"}).out, HasSubstr("MIG-2:1"));
  EXPECT_EQ(ds01({"ps"}).out, "You have no containers.\n");
  const Outcome who = ds01({"who", "3"});
  EXPECT_EQ(who.out, "Nobody is on GPU 3.\n");
  EXPECT_EQ(who.err, "");
  EXPECT_EQ(who.exit, Exit::Ok);
}

TEST_F(RunTest, EveryVerbAnswersInJson) {
  const auto json = [this](std::vector<std::string> words) {
    const Outcome outcome = ds01(std::move(words));
    EXPECT_EQ(outcome.exit, Exit::Ok) << outcome.err;
    EXPECT_TRUE(outcome.out.ends_with("}\n"));
    return boost::json::parse(outcome.out).as_object();
  };
  EXPECT_EQ(*control::statusFromJson(json({"status", "--json"})), busyMachine());
  EXPECT_EQ(json({"gpus", "--json"}).at("gpus").as_array().size(), 7U);
  EXPECT_EQ(json({"ps", "--json"}).at("containers").as_array().size(), 0U);
  EXPECT_EQ(json({"who", "--json", "1"}).at("slots").as_array().size(), 3U);
}

TEST_F(RunTest, AnUnknownSlotFails) {
  const Outcome outcome = ds01({"who", "9", "--json"});
  EXPECT_EQ(outcome.exit, Exit::Failed);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "ds01: there is no GPU or slot \"9\"; there are 0, 1:0, 1:1, 1:2, 2:0, 2:1, 3\n");
}

TEST_F(RunTest, AnAbsentDaemonMeansTryLater) {
  const control::Client client(dir_.file("ds01.sock"));
  for (const char* verb : {"status", "gpus", "ps", "who"}) {
    const Outcome outcome = run(std::get<Invocation>(parseArguments({verb, "--json"})), client, plainPaper(), {});
    EXPECT_EQ(outcome.exit, Exit::TryLater);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err, "ds01: ds01d is not running (no socket at " + dir_.file("ds01.sock") + ")\n");
  }
}

TEST_F(RunTest, TheDaemonsRefusalDecidesTheExitCode) {
  const Outcome denied = ds01({"status"}, 403, R"({"message":"ds01: you may not \u001b[2J"})");
  EXPECT_EQ(denied.exit, Exit::NotAllowed);
  EXPECT_EQ(denied.err, "ds01: you may not \\x1b[2J\n");
  EXPECT_EQ(ds01({"who"}, 503, R"({"message":"the Engine is away"})").exit, Exit::TryLater);
  EXPECT_EQ(ds01({"gpus"}, 500, "{}").exit, Exit::Failed);
  EXPECT_EQ(ds01({"gpus"}, 200, "{}").exit, Exit::Failed);
}

TEST(FailureTest, KindsOfErrorsHaveTheirExitCodes) {
  EXPECT_EQ(failure(Error(ErrorCode::Unavailable, "x")).exit, Exit::TryLater);
  EXPECT_EQ(failure(Error(ErrorCode::Timeout, "x")).exit, Exit::TryLater);
  EXPECT_EQ(failure(Error(ErrorCode::PermissionDenied, "x")).exit, Exit::NotAllowed);
  for (const ErrorCode code : {ErrorCode::NotFound, ErrorCode::Malformed, ErrorCode::Internal, ErrorCode::Io}) {
    EXPECT_EQ(failure(Error(code, "x")).exit, Exit::Failed);
  }
  EXPECT_EQ(failure(Error(ErrorCode::Io, "x")).err, "ds01: x\n");
}

}  // namespace
}  // namespace ds01::cli
