#include "mounts/pins/job.h"

#include <gtest/gtest.h>

#include "mounts/pins/idmap.h"

namespace ds01::mounts::pins {
namespace {

TEST(PinJobs, TravelWhole) {
  Job job;
  job.what = Job::What::Pin;
  job.user.uid = 1001;
  job.user.gid = 1002;
  job.user.gids = {1002, 2000};
  job.user.login = "alice";
  job.user.home = "/home/alice";
  job.roots = {.home = false, .directories = {"/data"}};
  job.listen = "/run/ds01/docker.sock";
  job.engine = "/run/docker.sock";
  job.directory = "/run/ds01/pins";
  job.view = {5, 6};
  job.keep_same = true;
  job.steps = {{.source = "/home/alice/\xff", .pin = "/p/0", .create = true, .read_only = true, .map = false}};
  job.tokens = {"a", "b"};
  const auto read = decodeJob(encode(job));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(encode(*read), encode(job));
  EXPECT_EQ(read->steps.front().source, job.steps.front().source);
  EXPECT_EQ(read->user.gids, job.user.gids);
  EXPECT_EQ(read->view, job.view);
}

TEST(PinReports, TravelWhole) {
  Report report{.error = std::nullopt,
                .found = {{.error = Error(ErrorCode::PermissionDenied, "no")},
                          {.path = "/x", .socket = true, .alone = true, .owner = 1001}},
                .missing = {"a"}};
  const auto read = decodeReport(encode(report));
  ASSERT_TRUE(read) << read.error().message();
  ASSERT_EQ(read->found.size(), 2U);
  EXPECT_EQ(read->found[0].error->code(), ErrorCode::PermissionDenied);
  EXPECT_EQ(read->found[0].error->message(), "no");
  EXPECT_TRUE(read->found[1].socket);
  EXPECT_TRUE(read->found[1].alone);
  EXPECT_EQ(read->found[1].owner, 1001u);
  EXPECT_FALSE(read->found[0].alone);
  EXPECT_EQ(read->missing, report.missing);
}

TEST(PinReports, WhatIsNotOursIsMalformed) {
  for (const char* text : {"", "{}", "[]", R"({"error":null,"found":{},"missing":[]})",
                           R"({"error":{"code":99,"message":""},"found":[],"missing":[]})"}) {
    EXPECT_EQ(decodeReport(text).error().code(), ErrorCode::Malformed) << text;
  }
  EXPECT_EQ(decodeJob(R"({"what":9})").error().code(), ErrorCode::Malformed);
}

TEST(IdMaps, HaveEachIdOnce) {
  EXPECT_EQ(idMap({{1001, 0}}), "1001 0 1\n");
  EXPECT_EQ(idMap({{1001, 0}, {1001, 1001}, {2000, 2000}, {0, 0}}), "1001 0 1\n2000 2000 1\n")
      << "a group whose number the view uses already is left out";
}

}  // namespace
}  // namespace ds01::mounts::pins
