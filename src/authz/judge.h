// The plugin's decision: what dockerd asks, against tickets and break-glass. Fails closed.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "authz/break_glass.h"
#include "authz/question.h"
#include "authz/spent_tickets.h"
#include "authz/ticket.h"

namespace ds01::authz {

struct Verdict {
  bool allow = false;
  bool broke_glass = false;  // allowed for that reason alone: each one is logged
  std::string reason;        // for the log; empty where a ticket was good
  std::string message;       // of a refusal, for who asked: what to do
};

class Judge {
 public:
  explicit Judge(Moment started, SpentLimits limits = {});

  // AuthZReq: before the request is carried out.
  Verdict request(const Question& question, const MacFunction& mac, Moment now, const BreakGlass& glass);
  // AuthZRes: it was carried out; may its answer go out?
  Verdict response(const Question& question, const MacFunction& mac, const BreakGlass& glass);

 private:
  SpentTickets spent_;
  // Let in by break-glass, whose answers may come after its end: method and target → how many.
  std::map<std::string, std::size_t> without_ticket_;
  std::size_t without_ticket_count_ = 0;
};

// What dockerd is answered.
std::string verdictJson(const Verdict& verdict);

// For the log: the method and the path alone, since queries hold build arguments and the like; printable, bounded.
std::string loggedTarget(const Question& question);

}  // namespace ds01::authz
