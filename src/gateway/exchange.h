// One request on one connection, and what can be done with it: answer it, refuse it, send it on, or ask the Engine and
// read the whole answer.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

#include "gateway/attendance.h"
#include "gateway/body_guard.h"
#include "gateway/core.h"
#include "gateway/head_writer.h"
#include "gateway/http_link.h"
#include "gateway/ports.h"
#include "gateway/route.h"
#include "gateway/target.h"
#include "net/side_task.h"
#include "net/turns.h"
#include "policy/question.h"

namespace ds01::gateway {

inline constexpr std::size_t kMaxJsonBody = 4UL * 1024 * 1024;
inline constexpr std::size_t kMaxWholeAnswer = 32UL * 1024 * 1024;

// Clients written in Go take five 1xx answers at most before the final one, and one may have gone out for the body.
inline constexpr int kMostContinues = 4;

// For an event: what of the caller its login does not say. `from_container` if it lives in one, `login_uid` if somebody
// logged in, and `login`, if that is known to be somebody else than who is acting (sudo).
void addOrigin(boost::json::object& details, const Caller& caller);

// What becomes of the connection.
enum class Flow {
  KeepAlive,  // the next request may follow
  Close,
  Drain,  // close, but first read what the client is still sending
  Again,  // the site lets pass what was refused: the request is handled anew, with that class of rules excused
};

struct WholeResponse {
  ResponseHead head;
  std::string body;
};

// Changes a streamed answer on its way; bounded memory.
class BodyFilter {
 public:
  BodyFilter() = default;
  BodyFilter(const BodyFilter&) = delete;
  BodyFilter& operator=(const BodyFilter&) = delete;
  virtual ~BodyFilter() = default;
  // What may pass now, possibly nothing.
  virtual boost::asio::awaitable<std::string> pass(std::string_view piece) = 0;
  // The whole answer is here; the client learns that after this.
  virtual boost::asio::awaitable<void> end() { co_return; }
  // Whether the Engine's answer is read to its end also if the client has gone.
  virtual bool seesToEnd() const { return false; }
};

class Exchange {
 public:
  Exchange(Core& core, ClientLink& client, EngineLink& engine, const Caller& caller, RawHead head, Target target,
           std::optional<RouteMatch> match)
      : core_(core),
        client_(client),
        engine_(engine),
        caller_(caller),
        head_(std::move(head)),
        target_(std::move(target)),
        match_(match),
        memory_(core.memory, caller.user.uid),
        answer_memory_(core.memory, caller.user.uid),
        side_(core.executor) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() {
    if (watch_) watch_->exchange = nullptr;
  }

  Ports& ports() { return core_.ports; }
  ObjectMemory& objects() { return core_.objects; }
  NameClaims& volumeClaims() { return core_.volume_claims; }
  NameClaims& imageClaims() { return core_.image_claims; }
  NameClaims& buildClaims() { return core_.build_claims; }
  SessionBuilds& sessionBuilds() { return core_.session_builds; }
  OpenSessions& openSessions() { return core_.open_sessions; }
  const GatewayOptions& options() const { return core_.options; }
  const Caller& caller() const { return caller_; }
  const RawHead& head() const { return head_; }
  Target& target() { return target_; }
  const Target& target() const { return target_; }
  const std::optional<RouteMatch>& match() const { return match_; }
  std::string name() const;  // what {} stands for

  // Ends when the answer begins.
  void takeTurn(net::Turns::Turn turn) { turn_ = std::move(turn); }

  // The request as it came, with the canonical target: a starting point for handlers.
  Outgoing outgoing() const;

  // Malformed, too slow, too large, or more than there is memory for: a Denial (400, 408, 413, 503).
  boost::asio::awaitable<std::expected<std::string, Denial>> readWholeBody();

  // The id of what is decided about this request; made when it is first asked for.
  const DecisionId& decision();

  // Classes of rules that refused this request and that the site lets pass (model/rollout.h).
  const RuleSet& excused() const { return excused_; }
  bool mayIgnore(RuleClass rules) const { return caller_.admin || excused_.contains(rules); }
  // Flow::Again if this refusal is to pass; unset: it holds. deny() asks by itself.
  std::optional<Flow> overlook(const Denial& denial);
  // Before the request is handled anew: as it came.
  void startAgain();

  // What a policy is told besides: what the request is about, once that is known, and which GPUs it gets.
  const std::optional<policy::Target>& about() const { return about_; }
  void setAbout(policy::Target about) { about_ = std::move(about); }
  const std::optional<policy::Gpu>& gpu() const { return gpu_; }
  void setGpu(policy::Gpu gpu) { gpu_ = std::move(gpu); }

  // For a request that may have to wait its turn.
  Attendance attend();

  boost::asio::awaitable<Flow> reply(int status, std::string json);
  // {"message": …} in the Engine's own words, without a decision.
  boost::asio::awaitable<Flow> message(int status, std::string text);
  // "ds01: … (decision D…)", with an event; or Flow::Again, by overlook(). With `decision` unset it is decision().
  boost::asio::awaitable<Flow> deny(Denial denial, std::optional<DecisionId> decision = {});
  // For one of many calls within this request: what the caller is told, under a decision of its own, with an event. It
  // holds whatever is only watched: one call that passes unexamined would open the others.
  std::string refuseCall(Denial denial, const std::string& call);
  // Unavailable and the like: 503 or 502 with a sentence; what the policy has refused is told as refused.
  boost::asio::awaitable<Flow> engineFailed(Error error);
  // Counts that too, for who refuses the request by deny().
  Denial engineAway(const Error& error);

  // What takes asking before a piece goes on that the guard has let pass.
  using Judge = std::function<boost::asio::awaitable<std::optional<Denial>>()>;
  // Sends the request on, if the policy lets it, and relays the answer as it comes, upgrades included. `filter`,
  // `guard` and what `judge` uses outlive the call.
  boost::asio::awaitable<Flow> forward(Outgoing out, BodyFilter* filter = nullptr, BodyGuard* guard = nullptr,
                                       Judge judge = {});

  // Carries the bytes both ways once forward() has got an upgrade, instead of relayRaw(); closes both sockets. What has
  // been read beyond the heads comes with them.
  using Carrier = std::function<boost::asio::awaitable<void>(Socket& client, std::string from_client, Socket& engine,
                                                             std::string from_engine)>;
  void carryBy(Carrier carrier) { carrier_ = std::move(carrier); }
  // Memory that the handling holds besides, until it ends. The denial is a 503.
  std::optional<Denial> charge(std::size_t bytes) { return memory_.growTo(bytes); }

  // Sends the request, which asks for an upgrade, and tells the client nothing: what becomes of the connection is the
  // caller's, who closes it. What has been read beyond the head. Errors as ask()'s. The policy is not asked.
  boost::asio::awaitable<Result<std::string>> upgradeEngine(Outgoing out);
  Socket& engineSocket() { return engine_.socket(); }
  // For an answer of ours that comes in pieces, and what becomes of the connection after it.
  Socket& clientSocket() { return client_.socket(); }
  Flow flowAfterAnswer() const;

  // Reads the whole answer instead. `before_send` runs right before the first byte goes to the Engine. Unavailable: the
  // Engine is away and got nothing; PermissionDenied: the policy refused, it got nothing; any other error: it may have
  // got it. Exhausted: there is no memory for its answer. Timeout: a question of ours has had no answer.
  boost::asio::awaitable<Result<WholeResponse>> ask(Outgoing out, std::function<void()> before_send = {});
  // Answers with that, its body maybe changed.
  boost::asio::awaitable<Flow> relayWhole(WholeResponse response);

  // To be awaited when the handling has thrown: what runs beside it uses this.
  boost::asio::awaitable<void> abandon();

  void emit(std::string type, boost::json::object details);

 private:
  struct Sent {
    bool reused = false;
  };
  boost::asio::awaitable<Result<Sent>> send(const Outgoing& out, const std::function<void()>& before_send);
  std::unexpected<Error> givenUp();
  boost::asio::awaitable<Flow> relayAnswer(ResponseHead response, BodyFilter* filter);
  boost::asio::awaitable<Flow> upgrade(ResponseHead response);
  boost::asio::awaitable<bool> relayBody(const ResponseHead& response, std::string head, BodyFilter* filter);
  boost::asio::awaitable<void> readToEnd();
  void letGo();
  boost::asio::awaitable<void> streamAndWatch();
  boost::asio::awaitable<void> pumpBody();
  void watchLightly();
  boost::asio::awaitable<void> watchClient();
  boost::asio::awaitable<void> lookAtClient();
  boost::asio::awaitable<void> stopBesides();
  boost::asio::awaitable<Status> sendContinue();

  Core& core_;          // outlives all sessions
  ClientLink& client_;  // this and the next belong to the session, which outlives its exchanges
  EngineLink& engine_;
  const Caller& caller_;
  RawHead head_;
  Target target_;
  std::optional<RouteMatch> match_;
  net::Turns::Turn turn_;
  MemoryBudget::Charge memory_;         // for the request's body
  MemoryBudget::Charge answer_memory_;  // for the largest answer that was read whole

  // What the first look at the client shares with this; it may be told after this is gone.
  struct Watch {
    explicit Watch(Exchange* of) : exchange(of) {}
    Exchange* exchange;  // null once nobody wants to know
  };
  std::shared_ptr<Watch> watch_;
  // The coroutine beside the answer: carries the request body to the Engine, then watches the client.
  net::SideTask side_;
  bool stop_side_ = false;
  bool client_broken_ = false;
  bool sees_to_end_ = false;  // BodyFilter::seesToEnd()
  bool body_owed_ = false;    // the Engine has not been sent all of the request's body
  bool continue_sent_ = false;
  BodyGuard* guard_ = nullptr;
  Judge judge_;
  Carrier carrier_;
  std::optional<Denial> refused_;  // by the guard
  RuleSet excused_;
  bool sent_ = false;                 // something of this request has gone to the Engine
  std::optional<Target> as_it_came_;  // these two are kept only where something may be overlooked
  std::optional<std::string> body_as_it_came_;
  std::optional<DecisionId> decision_;
  std::optional<policy::Target> about_;
  std::optional<policy::Gpu> gpu_;
  std::optional<Denial> against_policy_;  // of the last ask()
};

}  // namespace ds01::gateway
