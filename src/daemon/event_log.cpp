#include "daemon/event_log.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "events/jsonl/log_reader.h"

namespace ds01::daemon {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestSearch{8'000};
// A line is written at most this long after its time: the disk was slow.
constexpr std::chrono::minutes kDisorder{2};
// All that tells of one decision happens within this time before it is settled; a GPU that is given back long after
// carries its number too.
constexpr std::chrono::minutes kDecisionSpan{10};

bool settles(const events::Record& record) {
  return record.type == "auth.denied" || record.type == "auth.would_deny" || record.type == "container.create" ||
         record.type == "container.create_failed";
}

struct ReadLines {
  std::vector<std::string> lines;  // newest first
  bool whole = true;
  std::size_t compressed = 0;
};

// Runs on the pool's thread and owns all it uses.
Result<ReadLines> readLines(const std::string& path, const EventSearch& search) {
  ReadLines found;
  std::optional<TimePoint> stop_at = search.filter.since;
  if (stop_at) *stop_at -= kDisorder;
  const auto visit = [&](std::string_view line) {
    const std::optional<events::Record> record = wantedRecord(line, search);
    if (record) found.lines.emplace_back(line);
    if (found.lines.size() >= search.limit) return false;
    if (record && !search.decision.empty() && settles(*record)) stop_at = record->at - kDecisionSpan;
    if (!stop_at) return true;
    if (record) return record->at >= *stop_at;
    const std::optional<events::Record> other = events::parseRecord(line);
    return !other || other->at >= *stop_at;
  };
  const Result<events::ReadBackOutcome> outcome = events::readBack({.path = path}, visit);
  if (!outcome) return fail(outcome.error());
  found.whole = !outcome->gave_up;
  found.compressed = outcome->compressed;
  return found;
}

}  // namespace

std::optional<events::Record> wantedRecord(std::string_view line, const EventSearch& search) {
  // Reading JSON costs far more than looking for bytes that must be there.
  if (!search.admin && line.find(search.login) == std::string_view::npos) return std::nullopt;
  if (!search.decision.empty() && line.find(search.decision) == std::string_view::npos) return std::nullopt;
  std::optional<events::Record> record = events::parseRecord(line);
  if (!record || !events::shownTo(*record, search.login, search.admin)) return std::nullopt;
  if (!search.decision.empty() && record->text("decision") != search.decision) return std::nullopt;
  if (!events::matches(*record, search.filter)) return std::nullopt;
  return record;
}

boost::asio::awaitable<Result<FoundEvents>> EventLog::find(EventSearch search, std::uint32_t uid) {
  if (!searching_.insert(uid).second) {
    co_return fail(ErrorCode::Unavailable, "an earlier search of yours in the log of events still runs; try again");
  }
  std::function<Result<ReadLines>()> work = [path = path_, search] { return readLines(path, search); };
  Result<ReadLines> read = co_await pool_.run<ReadLines>(std::move(work), kLongestSearch);
  searching_.erase(uid);
  if (!read) co_return fail(read.error().context("the log of events cannot be searched"));

  // What memory has and the file has not yet. Both are the same bytes.
  FoundEvents found{.records = {}, .whole = read->whole, .compressed = read->compressed, .next = recent_.next()};
  const std::unordered_set<std::string> written(read->lines.begin(), read->lines.end());
  std::ranges::reverse(read->lines);  // oldest first, as memory has them: times can be equal
  for (const std::string& line : recent_.linesFrom(0)) {
    if (!written.contains(line)) read->lines.push_back(line);
  }
  for (const std::string& line : read->lines) {
    if (std::optional<events::Record> record = wantedRecord(line, search)) found.records.push_back(std::move(*record));
  }
  std::ranges::stable_sort(found.records, {}, &events::Record::at);
  if (found.records.size() > search.limit) {
    found.records.erase(found.records.begin(), found.records.end() - static_cast<std::ptrdiff_t>(search.limit));
  }
  co_return found;
}

}  // namespace ds01::daemon
