#include "gateway/route.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <vector>

#include <gtest/gtest.h>

namespace ds01::gateway {
namespace {

std::optional<RouteMatch> match(std::string_view method, const std::string& raw) {
  const auto target = parseTarget(raw);
  EXPECT_TRUE(target.has_value()) << raw;
  return matchRoute(method, *target);
}

std::string pattern(std::string_view method, const std::string& raw) {
  const auto found = match(method, raw);
  return found ? std::string(found->route->pattern) : "none";
}

TEST(Route, everyPublishedEndpointHasALine) {
  std::ifstream file(DS01_SOURCE_DIR "/data/docker-api/endpoints.tsv");
  std::set<std::pair<std::string, std::string>> table;
  for (const Route& route : routes()) table.emplace(route.method, route.pattern);
  std::string line;
  std::getline(file, line);
  std::size_t count = 0;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string method;
    std::string path;
    fields >> method >> path;
    EXPECT_TRUE(table.contains({method, path})) << method << " " << path;
    ++count;
  }
  EXPECT_GT(count, 100U);
}

TEST(Route, noLineTwice) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const Route& route : routes()) EXPECT_TRUE(seen.emplace(route.method, route.pattern).second) << route.pattern;
}

TEST(Route, literalsGoBeforeNames) {
  EXPECT_EQ(pattern("GET", "/containers/json"), "/containers/json");
  EXPECT_EQ(pattern("GET", "/images/json"), "/images/json");
  EXPECT_EQ(pattern("GET", "/images/get"), "/images/get");
  EXPECT_EQ(pattern("POST", "/containers/create"), "/containers/create");
  EXPECT_EQ(pattern("POST", "/networks/prune"), "/networks/prune");
  EXPECT_EQ(pattern("GET", "/plugins/privileges"), "/plugins/privileges");
}

TEST(Route, imageNamesMayHaveSlashes) {
  EXPECT_EQ(pattern("GET", "/images/library/busybox/json"), "/images/{}/json");
  EXPECT_EQ(pattern("GET", "/images/a/json/json"), "/images/{}/json");
  EXPECT_EQ(pattern("POST", "/images/r:5000/a/b/push"), "/images/{}/push");
  EXPECT_EQ(pattern("DELETE", "/images/r:5000/a/b"), "/images/{}");
  EXPECT_EQ(pattern("GET", "/distribution/a/b/json"), "/distribution/{}/json");
  const auto found = match("GET", "/v1.41/images/r:5000/a/b/json");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name_at, 1U);
  EXPECT_EQ(found->name_count, 3U);
}

TEST(Route, containerNamesMayNot) {
  EXPECT_EQ(pattern("GET", "/containers/a/b/json"), "none");
  EXPECT_EQ(pattern("DELETE", "/containers/a/b"), "none");
  EXPECT_EQ(pattern("POST", "/exec/a/b/start"), "none");
}

TEST(Route, whatNobodyListedIsUnknown) {
  EXPECT_EQ(pattern("GET", "/"), "none");
  EXPECT_EQ(pattern("GET", "/debug/pprof"), "none");
  EXPECT_EQ(pattern("POST", "/containers/a/copy"), "none");
  EXPECT_EQ(pattern("HEAD", "/containers/json"), "none");
  EXPECT_EQ(pattern("PATCH", "/containers/a"), "none");
  EXPECT_EQ(pattern("GET", "/Containers/json"), "none");
}

TEST(Route, deniedLinesSayWhy) {
  for (const Route& route : routes()) {
    if (route.rule == Rule::Deny) {
      EXPECT_FALSE(route.note.empty()) << route.pattern;
    }
  }
}

TEST(ApiRules, documentIsCurrent) {
  std::ifstream file(DS01_SOURCE_DIR "/docs/api-rules.md");
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), routesAsMarkdown()) << "the text on the right belongs into docs/api-rules.md";
}

TEST(Routes, WhatMakesStartsOrExecutesMustBeRecorded) {
  std::vector<std::string> recorded;
  for (const Route& route : routes()) {
    if (mustBeRecorded(route)) recorded.push_back(std::string(route.method) + " " + std::string(route.pattern));
  }
  std::ranges::sort(recorded);
  EXPECT_EQ(recorded, (std::vector<std::string>{"POST /build", "POST /containers/create", "POST /containers/{}/exec",
                                                "POST /containers/{}/restart", "POST /containers/{}/start",
                                                "POST /containers/{}/unpause", "POST /exec/{}/start", "POST /grpc"}));
}

}  // namespace
}  // namespace ds01::gateway
