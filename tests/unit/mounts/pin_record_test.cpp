#include "mounts/pin_record.h"

#include <gtest/gtest.h>

namespace ds01::mounts {
namespace {

PinRecord record() {
  return {.token = "0af",
          .login = "m.curie@example.edu",
          .view = {1000, 100},
          .sources = {{.source = "/home/m \"x\"\xff", .bind = "/home/m:/w:ro", .create = true, .read_only = true},
                      {.source = "/data", .bind = "", .mapped = false}}};
}

TEST(PinRecords, ComeBackAsTheyWere) {
  const auto read = decodePins("0af", encodePins(record()));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(*read, record());
}

TEST(PinRecords, WhatIsNotOursIsMalformed) {
  const std::string good = encodePins(record());
  for (const std::string& text :
       {std::string(), std::string("[]"), good.substr(0, good.size() - 1), std::string(R"({"version":1})"),
        std::string(R"({"version":2,"login":"a","view":[0,0],"sources":[]})"),
        std::string(R"({"version":1,"login":"","view":[0,0],"sources":[]})"),
        std::string(R"({"version":1,"login":"a","view":[0],"sources":[]})"),
        std::string(R"({"version":1,"login":"a","view":[0,-1],"sources":[]})"),
        std::string(R"({"version":1,"login":"a","view":[0,0],"sources":[{"source":"/x"}]})")}) {
    EXPECT_EQ(decodePins("0af", text).error().code(), ErrorCode::Malformed) << text;
  }
}

}  // namespace
}  // namespace ds01::mounts
