#include "daemon/event_routes.h"

#include <charconv>
#include <expected>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/time_text.h"
#include "control/explanation.h"
#include "control/explanation_codec.h"
#include "control/json_text.h"

namespace ds01::daemon {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kUsualLimit = 100;
constexpr std::size_t kMostEvents = 5000;
constexpr std::size_t kPieceBytes = 64UL * 1024;

net::HttpReply errorReply(const Error& error) {
  const bool away = error.code() == ErrorCode::Unavailable || error.code() == ErrorCode::Timeout;
  return control::errorReply(away ? 503 : 500, "ds01: " + error.message());
}

control::EventRow rowOf(events::Record record) {
  return {.at = record.at,
          .type = std::move(record.type),
          .user = std::move(record.user),
          .source = std::move(record.source),
          .details = std::move(record.details)};
}

std::string textOf(const control::Request& request, const std::string& key) {
  const std::string* value = request.get(key);
  return value != nullptr ? *value : std::string();
}

struct Asked {
  EventSearch search;
  bool follow = false;
};

std::expected<Asked, net::HttpReply> read(const control::Request& request) {
  const auto bad = [](std::string sentence) { return std::unexpected(control::errorReply(400, "ds01: " + sentence)); };
  Asked asked;
  EventSearch& search = asked.search;
  search.login = request.caller.user.login;
  search.admin = request.caller.admin;
  search.filter.user = textOf(request, "user");
  search.filter.type = textOf(request, "type");
  search.filter.container = textOf(request, "container");
  if (!search.admin && !search.filter.user.empty() && search.filter.user != search.login) {
    return std::unexpected(control::errorReply(403, "ds01: you may see your own events only"));
  }
  for (const auto& [key, into] : {std::pair{"since", &search.filter.since}, std::pair{"until", &search.filter.until}}) {
    const std::string* text = request.get(key);
    if (text == nullptr) continue;
    *into = parseRfc3339(*text);
    if (!*into) return bad(fmt::format("{} must be a time as in RFC 3339 (2026-11-23T20:55:10Z)", key));
  }
  search.limit = kUsualLimit;
  if (const std::string* text = request.get("limit")) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), search.limit);
    if (error != std::errc() || end != text->data() + text->size() || search.limit > kMostEvents) {
      return bad(fmt::format("limit must be a whole number from 0 to {}", kMostEvents));
    }
  }
  const std::string follow = textOf(request, "follow");
  if (!follow.empty() && follow != "1" && follow != "0") return bad("follow must be 0 or 1");
  asked.follow = follow == "1";
  return asked;
}

std::string lineOf(events::Record record) {
  return control::jsonText(control::toJson(rowOf(std::move(record)))) + "\n";
}

// Writes what was found, then what comes, until the client goes or cannot keep up. In between nothing is kept for it:
// it reads from the common memory, and is told if that has moved on.
asio::awaitable<void> follow(EventSearch search, FoundEvents found, RecentEvents& recent,
                             std::shared_ptr<net::HttpBody> body) {
  std::uint64_t next = found.next;
  std::string piece;
  for (events::Record& record : found.records) piece += lineOf(std::move(record));
  found.records.clear();
  recent.wake(body);
  for (;;) {
    const bool there = co_await body->write(std::move(piece));
    if (!there) co_return;
    piece.clear();
    if (next >= recent.next() && !(co_await body->pause())) co_return;
    if (next < recent.first()) {
      piece = fmt::format("{{\"skipped\":{}}}\n", recent.first() - next);
      next = recent.first();
    }
    for (const std::string& line : recent.linesFrom(next)) {
      ++next;
      if (std::optional<events::Record> record = wantedRecord(line, search)) piece += lineOf(std::move(*record));
      if (piece.size() >= kPieceBytes) break;
    }
  }
}

class EventRoutes {
 public:
  EventRoutes(EventLog& log, RecentEvents& recent) : log_(log), recent_(recent) {}

  asio::awaitable<net::HttpAnswer> answer(control::Request request) const {
    std::expected<Asked, net::HttpReply> asked = read(request);
    if (!asked) co_return std::move(asked.error());
    EventSearch search = asked->search;
    if (search.limit == 0) search.limit = 1;  // still finds out where to go on
    Result<FoundEvents> found = co_await log_.find(std::move(search), request.caller.user.uid);
    if (!found) co_return errorReply(found.error());
    if (asked->search.limit == 0) found->records.clear();
    if (asked->follow) co_return stream(std::move(asked->search), std::move(*found));
    control::EventList list{
        .events = {}, .whole = found->whole, .compressed = static_cast<std::int64_t>(found->compressed)};
    for (events::Record& record : found->records) list.events.push_back(rowOf(std::move(record)));
    co_return net::HttpReply{.status = 200, .body = control::jsonText(control::toJson(list)) + "\n"};
  }

 private:
  net::HttpStream stream(EventSearch search, FoundEvents found) const {
    const auto first = std::make_shared<FoundEvents>(std::move(found));
    RecentEvents& recent = recent_;
    return {.content_type = "application/x-ndjson",
            .produce = [search = std::move(search), first, &recent](std::shared_ptr<net::HttpBody> body) {
              return follow(search, std::move(*first), recent, std::move(body));
            }};
  }

  EventLog& log_;
  RecentEvents& recent_;
};

}  // namespace

void addEventRoutes(control::Router& router, EventLog& log, RecentEvents& recent) {
  const auto routes = std::make_shared<const EventRoutes>(log, recent);
  control::Handler events = [routes](control::Request request) { return routes->answer(std::move(request)); };
  router.add({.method = "GET",
              .pattern = "/v1/events",
              .query = {"user", "type", "container", "since", "until", "limit", "follow"},
              .handler = std::move(events)});
}

}  // namespace ds01::daemon
