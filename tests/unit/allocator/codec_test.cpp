#include "allocator/codec.h"

#include <gtest/gtest.h>

#include "base/time_text.h"

namespace ds01::allocator {
namespace {

Lease sample() {
  Lease lease;
  lease.id = LeaseId("L0123456789abcdef");
  lease.state = Lease::State::Bound;
  lease.uid = 4'294'967'294;
  lease.login = "m.curie@example.edu";
  lease.group = "student";
  lease.uuids = {"GPU-1", "GPU-2"};
  lease.weight = GpuEq::whole(2);
  lease.container = ContainerId("abc");
  lease.container_name = "train";
  lease.decision = DecisionId("D00ff00ff00ff");
  lease.since = TimePoint{std::chrono::microseconds{1'795'467'310'123'456}};
  lease.profile = "full";
  lease.count = 2;
  return lease;
}

// Its container has stopped; one that has given its slots back.
Lease stoppedSample() {
  Lease lease = sample();
  lease.delivery = Lease::Delivery::AtStart;
  lease.stopped = lease.since + std::chrono::hours{1};
  return lease;
}
Lease parkedSample() {
  Lease lease = sample();
  lease.delivery = Lease::Delivery::AtStart;
  lease.state = Lease::State::Parked;
  lease.uuids.clear();
  lease.weight = {};
  return lease;
}

const std::string kSample =
    R"({"version":3,"leases":[{"id":"L0123456789abcdef","state":"bound","uid":4294967294,)"
    R"("login":"m.curie@example.edu","group":"student","uuids":["GPU-1","GPU-2"],"weight_micro":2000000,)"
    R"("container":"abc","container_name":"train","decision":"D00ff00ff00ff","since":"2026-11-23T20:55:10.123456Z",)"
    R"("delivery":"fixed","profile":"full","count":2,"stopped":"","written":[],"restart":""}]})";

// What versions 2 and 1 had in place of the last fields.
const std::string kSince2 = R"(,"written":[],"restart":"")";
const std::string kSince1 = R"(,"delivery":"fixed","profile":"full","count":2,"stopped":"")";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::runtime_error("no " + from);
  return text.replace(at, from.size(), to);
}

std::string errorOf(std::string_view text) {
  const auto decoded = decodeState(text);
  if (decoded) return "accepted";
  EXPECT_EQ(decoded.error().code(), ErrorCode::Malformed);
  return decoded.error().message();
}

TEST(StateCodec, WritesOneKnownForm) {
  EXPECT_EQ(encodeState({sample()}), kSample + "\n");
}

TEST(StateCodec, ReadsWhatItWrites) {
  Lease reserved = sample();
  reserved.id = LeaseId("L2");
  reserved.state = Lease::State::Reserved;
  reserved.container = ContainerId();
  reserved.uuids = {"MIG-1"};
  reserved.since = TimePoint{};
  const std::vector<Lease> leases{sample(), reserved};
  const auto decoded = decodeState(encodeState(leases));
  ASSERT_TRUE(decoded) << decoded.error().message();
  ASSERT_EQ(decoded->size(), 2U);
  const Lease& first = decoded->front();
  EXPECT_EQ(first.id, sample().id);
  EXPECT_EQ(first.state, Lease::State::Bound);
  EXPECT_EQ(first.uid, sample().uid);
  EXPECT_EQ(first.login, sample().login);
  EXPECT_EQ(first.group, sample().group);
  EXPECT_EQ(first.uuids, sample().uuids);
  EXPECT_EQ(first.weight, sample().weight);
  EXPECT_EQ(first.container, sample().container);
  EXPECT_EQ(first.container_name, sample().container_name);
  EXPECT_EQ(first.decision, sample().decision);
  EXPECT_EQ(first.since, sample().since);
  EXPECT_EQ(decoded->back().state, Lease::State::Reserved);
  EXPECT_TRUE(decoded->back().container.empty());
  EXPECT_EQ(encodeState(*decoded), encodeState(leases));
}

TEST(StateCodec, KeepsWhatAStoppedContainerHeldAndWaitsFor) {
  const auto stopped = decodeState(encodeState({stoppedSample()}));
  ASSERT_TRUE(stopped) << stopped.error().message();
  EXPECT_EQ(stopped->front().delivery, Lease::Delivery::AtStart);
  EXPECT_EQ(stopped->front().stopped, stoppedSample().stopped);
  const auto parked = decodeState(encodeState({parkedSample()}));
  ASSERT_TRUE(parked) << parked.error().message();
  EXPECT_EQ(parked->front().state, Lease::State::Parked);
  EXPECT_EQ(parked->front().profile, "full");
  EXPECT_EQ(parked->front().count, 2);
  EXPECT_EQ(parked->front().container, sample().container);
}

TEST(StateCodec, KeepsTheSlotsAndThePolicyThatAStartMustGet) {
  Lease parked = parkedSample();
  parked.delivery = Lease::Delivery::Fixed;
  parked.written = {"GPU-2", "GPU-1"};
  const auto texts = {"always", "unless-stopped", "on-failure", "on-failure:3"};
  const std::vector<RestartPolicy> policies{{"always", 0}, {"unless-stopped", 0}, {"on-failure", 0}, {"on-failure", 3}};
  std::size_t i = 0;
  for (const char* const text : texts) {
    parked.restart = policies[i++];
    const std::string image = encodeState({parked});
    EXPECT_NE(image.find(std::string(R"("written":["GPU-2","GPU-1"],"restart":")") + text + "\""), std::string::npos)
        << image;
    const auto decoded = decodeState(image);
    ASSERT_TRUE(decoded) << decoded.error().message();
    EXPECT_EQ(decoded->front().written, parked.written);
    EXPECT_EQ(decoded->front().restart, parked.restart);
  }
}

TEST(StateCodec, RefusesWrittenSlotsAndPoliciesThatAreNone) {
  Lease parked = parkedSample();
  parked.delivery = Lease::Delivery::Fixed;
  parked.written = {"GPU-2", "GPU-1"};
  const std::string image = encodeState({parked});
  EXPECT_EQ(errorOf(replaced(image, R"(["GPU-2","GPU-1"])", R"(["GPU-2"])")),
            "leases[0].written: must name as many slots as count says");
  EXPECT_EQ(errorOf(replaced(image, R"(["GPU-2","GPU-1"])", R"(["GPU-2","GPU-2"])")),
            "leases[0].written: must name each slot once");
  EXPECT_EQ(errorOf(replaced(kSample, R"("written":[])", R"("written":["GPU-1"])")),
            "leases[0].written: must be empty unless the state is parked and the delivery fixed");
  for (const char* const bad : {"no", "Always", "on-failure:", "on-failure:0", "on-failure:-1", "on-failure:1x", "x"}) {
    EXPECT_EQ(errorOf(replaced(kSample, R"("restart":"")", std::string(R"("restart":")") + bad + "\"")),
              "leases[0].restart: must be always, unless-stopped, on-failure or on-failure:N")
        << bad;
  }
}

TEST(StateCodec, ReadsVersion2AndWritesVersion3) {
  const std::string old =
      replaced(replaced(encodeState({stoppedSample()}), kSince2, ""), R"("version":3)", R"("version":2)");
  const auto decoded = decodeState(old);
  ASSERT_TRUE(decoded) << decoded.error().message();
  EXPECT_EQ(encodeState(*decoded), encodeState({stoppedSample()}));
  EXPECT_EQ(errorOf(replaced(kSample, R"("version":3)", R"("version":2)")), "leases[0].written: unknown field");
  // What version 2 did not know it did not write.
  EXPECT_EQ(errorOf(replaced(old, "at_start", "fixed")),
            "leases[0].stopped: may be set only if the state is bound and the delivery at_start");
  const std::string parked =
      replaced(replaced(encodeState({parkedSample()}), kSince2, ""), R"("version":3)", R"("version":2)");
  EXPECT_EQ(errorOf(parked), "accepted");
  EXPECT_EQ(errorOf(replaced(parked, "at_start", "fixed")),
            "leases[0].state: may be parked only with delivery at_start, a profile and a count");
}

TEST(StateCodec, ReadsVersion1AndWritesVersion3) {
  const std::string old = replaced(replaced(kSample, kSince1 + kSince2, ""), R"("version":3)", R"("version":1)");
  const auto decoded = decodeState(old);
  ASSERT_TRUE(decoded) << decoded.error().message();
  EXPECT_EQ(decoded->front().delivery, Lease::Delivery::Fixed);
  EXPECT_EQ(decoded->front().count, 2);
  EXPECT_NE(encodeState(*decoded).find(R"("version":3)"), std::string::npos);
  EXPECT_EQ(errorOf(replaced(kSample, R"("version":3)", R"("version":1)")), "leases[0].delivery: unknown field");
}

TEST(StateCodec, RefusesParkedLeasesThatHoldAndReservedOnesThatStop) {
  const std::string parked = encodeState({parkedSample()});
  EXPECT_EQ(errorOf(replaced(parked, R"("uuids":[])", R"("uuids":["GPU-1"])")),
            "leases[0].uuids: must be empty if the state is parked, and only then");
  EXPECT_EQ(errorOf(replaced(parked, "at_start", "fixed")), "leases[0].written: must name as many slots as count says");
  EXPECT_EQ(errorOf(replaced(parked, R"("profile":"full")", R"("profile":"")")),
            "leases[0].state: may be parked only with a count, and at_start with a profile");
  const std::string stopped = encodeState({stoppedSample()});
  EXPECT_EQ(errorOf(replaced(replaced(stopped, R"("bound")", R"("reserved")"), R"("abc")", R"("")")),
            "leases[0].stopped: may be set only if the state is bound");
  EXPECT_EQ(errorOf(replaced(kSample, R"("delivery":"fixed")", R"("delivery":"")")),
            "leases[0].delivery: must be fixed or at_start");
}

TEST(StateCodec, NoLeases) {
  EXPECT_EQ(encodeState({}), "{\"version\":3,\"leases\":[]}\n");
  const auto decoded = decodeState(encodeState({}));
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(decoded->empty());
}

TEST(StateCodec, NamesThatAreNotUtf8CannotSpoilTheFile) {
  Lease lease = sample();
  lease.container_name = "caf\xe9\n\"";
  const auto decoded = decodeState(encodeState({lease}));
  ASSERT_TRUE(decoded) << decoded.error().message();
  EXPECT_EQ(decoded->front().container_name, "caf\xEF\xBF\xBD\n\"");
}

TEST(StateCodec, OtherVersionsAreNamed) {
  EXPECT_EQ(errorOf(R"({"version":4,"leases":[],"queue":[]})"), "version: 4 is not known here, only 1 to 3 are");
  EXPECT_EQ(errorOf(R"({"leases":[]})"), "version: missing");
  EXPECT_EQ(errorOf(R"({"version":"1","leases":[]})"), "version: must be a whole number from 0 to 9223372036854775807");
}

TEST(StateCodec, WhatIsNotOurFormIsRefusedWithItsPlace) {
  EXPECT_TRUE(errorOf("").starts_with("state: not JSON: "));
  EXPECT_TRUE(errorOf(kSample.substr(0, 100)).starts_with("state: not JSON: "));
  EXPECT_TRUE(errorOf(kSample + "x").starts_with("state: not JSON: "));
  EXPECT_EQ(errorOf("[]"), "state: must be an object");
  EXPECT_EQ(errorOf(R"({"version":1})"), "leases: missing");
  EXPECT_EQ(errorOf(R"({"version":1,"leases":{}})"), "leases: must be a list");
  EXPECT_EQ(errorOf(R"({"version":1,"leases":[7]})"), "leases[0]: must be an object");
  EXPECT_EQ(errorOf(R"({"version":1,"leases":[],"x":0})"), "x: unknown field");
  EXPECT_EQ(errorOf(replaced(kSample, R"("group":"student",)", "")), "leases[0].group: missing");
  EXPECT_EQ(errorOf(replaced(kSample, R"("group":)", R"("extra":1,"group":)")), "leases[0].extra: unknown field");
  EXPECT_EQ(errorOf(replaced(kSample, R"("bound")", R"("running")")),
            "leases[0].state: must be reserved, bound or parked");
  EXPECT_EQ(errorOf(replaced(kSample, "4294967294", "4294967296")),
            "leases[0].uid: must be a whole number from 0 to 4294967295");
  EXPECT_EQ(errorOf(replaced(kSample, "4294967294", "-1")),
            "leases[0].uid: must be a whole number from 0 to 4294967295");
  EXPECT_TRUE(
      errorOf(replaced(kSample, "2000000", "2e6")).starts_with("leases[0].weight_micro: must be a whole number"));
  EXPECT_TRUE(errorOf(replaced(kSample, "2000000", "18446744073709551615")).starts_with("leases[0].weight_micro: "));
  EXPECT_EQ(errorOf(replaced(kSample, R"("student")", "null")), "leases[0].group: must be text");
  EXPECT_EQ(errorOf(replaced(kSample, R"("L0123456789abcdef")", R"("")")), "leases[0].id: must not be empty");
  const std::string uuids = "leases[0].uuids: must be a list of texts, none of them empty";
  EXPECT_EQ(errorOf(replaced(kSample, R"(["GPU-1","GPU-2"])", "[]")),
            "leases[0].uuids: must be empty if the state is parked, and only then");
  EXPECT_EQ(errorOf(replaced(kSample, R"("GPU-1")", R"("")")), uuids);
  EXPECT_EQ(errorOf(replaced(kSample, R"("GPU-1")", "1")), uuids);
  EXPECT_TRUE(errorOf(replaced(kSample, "2026-11-23T", "yesterday ")).starts_with("leases[0].since: must be a time"));
  const std::string container = "leases[0].container: must be set if the state is bound or parked, and only then";
  EXPECT_EQ(errorOf(replaced(kSample, R"("abc")", R"("")")), container);
  EXPECT_EQ(errorOf(replaced(kSample, R"("bound")", R"("reserved")")), container);
}

TEST(StateCodec, NothingStandsTwice) {
  EXPECT_EQ(errorOf(replaced(kSample, R"("GPU-2")", R"("GPU-1")")), "leases[0].uuids: \"GPU-1\" stands twice");
  EXPECT_EQ(errorOf(R"({"version":1,"version":1,"leases":[]})"), "state: the key \"version\" stands twice");
  EXPECT_EQ(errorOf(replaced(kSample, R"("uid":)", R"("u\u0069d":5,"uid":)")), "state: the key \"uid\" stands twice");
  const auto two = [](const std::function<void(Lease&)>& change) {
    Lease second = sample();
    second.id = LeaseId("L2");
    second.uuids = {"GPU-3"};
    second.container = ContainerId("def");
    change(second);
    return encodeState({sample(), second});
  };
  EXPECT_EQ(errorOf(two([](Lease&) {})), "accepted");
  EXPECT_EQ(errorOf(two([](Lease& lease) { lease.id = sample().id; })),
            "leases[1].id: \"L0123456789abcdef\" stands twice");
  EXPECT_EQ(errorOf(two([](Lease& lease) { lease.uuids = {"GPU-3", "GPU-2"}; })),
            "leases[1].uuids: \"GPU-2\" stands twice");
  EXPECT_EQ(errorOf(two([](Lease& lease) { lease.container = sample().container; })),
            "leases[1].container: \"abc\" stands twice");
}

}  // namespace
}  // namespace ds01::allocator
