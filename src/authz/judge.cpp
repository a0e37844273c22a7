#include "authz/judge.h"

#include <utility>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

namespace ds01::authz {

namespace {

constexpr std::size_t kMostWithoutTicket = 1'000;
constexpr std::size_t kLongestRemembered = 16 * 1024;
constexpr std::size_t kLongestLogged = 200;

std::string requestKey(const Question& question) {
  return fmt::format("{} {}", question.method, question.target);
}

std::string_view sentenceOf(Spend spend) {
  switch (spend) {
    case Spend::Ok:
      break;
    case Spend::Again:
      return "its ticket was used before";
    case Spend::TooOld:
      return "its ticket is too old";
    case Spend::TooNew:
      return "its ticket is from the future";
    case Spend::Unknown:
      return "its ticket is older than this plugin, which was started again meanwhile";
    case Spend::Full:
      return "more tickets were used within a minute than can be remembered";
  }
  return "";
}

// The sentence stands after "authorization denied by plugin ds01-authz: ".
Verdict refused(std::string reason, bool try_again) {
  Verdict verdict;
  verdict.message = fmt::format(
      "on this server the Docker Engine takes requests from ds01d only, and {}. {}", reason,
      try_again ? "Try again."
                : "Use its socket (DOCKER_HOST=unix:///run/ds01/docker.sock, or what your administrator says). "
                  "Administrators: if ds01d does not answer, start it (systemctl status ds01d), or open the door for a "
                  "time (docs/admin/authz.md, \"Break-glass\")");
  verdict.reason = std::move(reason);
  return verdict;
}

Verdict passed() {
  Verdict verdict;
  verdict.allow = true;
  return verdict;
}

}  // namespace

Judge::Judge(Moment started, SpentLimits limits) : spent_(started, limits) {}

Verdict Judge::request(const Question& question, const MacFunction& mac, Moment now, const BreakGlass& glass) {
  std::string reason = "this one has no ticket of it";
  bool try_again = false;
  if (question.ticket) {
    const Result<Ticket> ticket = readTicket(*question.ticket, question.method, question.target, mac);
    const Spend spend = ticket ? spent_.spend(*ticket, now) : Spend::Ok;
    if (ticket && spend == Spend::Ok) return passed();
    reason = ticket ? std::string(sentenceOf(spend)) : ticket.error().message();
    try_again = spend == Spend::Unknown || spend == Spend::Full;
  }
  if (!glass.until) return refused(std::move(reason), try_again);
  std::string key = requestKey(question);
  if (without_ticket_count_ < kMostWithoutTicket && key.size() <= kLongestRemembered) {
    ++without_ticket_[std::move(key)];
    ++without_ticket_count_;
  }
  Verdict verdict = passed();
  verdict.broke_glass = true;
  verdict.reason = std::move(reason);
  return verdict;
}

Verdict Judge::response(const Question& question, const MacFunction& mac, const BreakGlass& glass) {
  std::string reason = "the answer is to a request without a ticket of it";
  if (question.ticket) {
    const Result<Ticket> ticket = readTicket(*question.ticket, question.method, question.target, mac);
    if (ticket && spent_.answer(*ticket)) return passed();
    reason = ticket ? "the answer to this ticket was asked about before" : ticket.error().message();
  }
  const auto found = without_ticket_.find(requestKey(question));
  if (found != without_ticket_.end()) {
    if (--found->second == 0) without_ticket_.erase(found);
    --without_ticket_count_;
    return passed();
  }
  // Not logged as a use: what counts is the request, which is.
  return glass.until ? passed() : refused(std::move(reason), false);
}

std::string verdictJson(const Verdict& verdict) {
  boost::json::object out{{"Allow", verdict.allow}};
  if (!verdict.allow) out["Msg"] = verdict.message;
  return boost::json::serialize(out) + "\n";
}

std::string loggedTarget(const Question& question) {
  std::string out = fmt::format("{} {}", question.method, question.target.substr(0, question.target.find('?')));
  for (char& c : out) {
    if (c < ' ' || c > '~') c = '?';
  }
  if (out.size() > kLongestLogged) out = out.substr(0, kLongestLogged) + "…";
  return out;
}

}  // namespace ds01::authz
