#include "daemon/adapters.h"

#include <fmt/format.h>

namespace ds01::daemon {
namespace {

class KernelPeer final : public gateway::Peer {
 public:
  explicit KernelPeer(std::shared_ptr<identity::posix::IdentifiedPeer> peer) : peer_(std::move(peer)) {}
  const Caller& caller() const override { return peer_->caller(); }
  bool alive() const override { return peer_->alive(); }

 private:
  std::shared_ptr<identity::posix::IdentifiedPeer> peer_;
};

bool away(const Error& error) {
  return error.code() == ErrorCode::Unavailable || error.code() == ErrorCode::Timeout || error.code() == ErrorCode::Io;
}

admission::BindFact factOf(const std::string& source, mounts::pins::Found found) {
  admission::BindFact fact;
  if (found.error) {
    fact.refusal = found.error->message();
    return fact;
  }
  fact.resolved = std::move(found.path);
  fact.writable = found.writable;
  fact.socket = found.socket;
  fact.shared = found.shared;
  fact.mapped = found.mapped;
  if (found.alone) fact.warning = fmt::format("what is mounted below {} does not come along", source);
  if (found.replaced) {
    fact.warning = fmt::format(
        "{} is the Docker Engine's own socket; {} was mounted in its place, and what calls through it acts as you",
        source, fact.resolved);
  }
  return fact;
}

}  // namespace

gateway::Account KernelIdentities::accountOf(int socket) const {
  const identity::posix::SeemingPeer peer = identity::posix::seemingPeer(socket);
  return {.id = peer.on_host ? peer.uid : peer.pid_namespace, .on_host = peer.on_host};
}

boost::asio::awaitable<std::expected<std::shared_ptr<gateway::Peer>, Denial>> KernelIdentities::identify(int socket) {
  auto peer = co_await identifier_.identify(socket);
  if (!peer) {
    const bool engine = peer.error().reason == "engine_away";
    if (peer.error().http_status == 503) {
      failures_.note(engine ? Dependency::Engine : Dependency::UserDatabase, peer.error().text);
    }
    co_return std::unexpected(std::move(peer.error()));
  }
  if ((*peer)->caller().stale) failures_.note(Dependency::UserDatabase, "whom it knew before may look");
  co_return std::make_shared<KernelPeer>(std::move(*peer));
}

boost::asio::awaitable<Result<std::optional<User>>> KernelIdentities::findUser(std::string login) {
  auto user = co_await users_.findByLogin(std::move(login));
  if (!user) failures_.note(Dependency::UserDatabase, user.error().message());
  co_return user;
}

boost::asio::awaitable<Result<std::optional<identity::posix::EngineContainer>>> EngineContainers::find(ContainerId id) {
  const Result<ContainerView> view = co_await engine_.inspectContainer(id.str());
  if (!view && view.error().code() == ErrorCode::NotFound) co_return std::nullopt;
  if (!view) co_return fail(view.error());
  // The Engine resolves names too, and a container can be named like another one's id.
  if (view->id != id) co_return std::nullopt;
  co_return identity::posix::EngineContainer{names_.provenOwner(*view), view->cgroup_parent, view->pid};
}

boost::asio::awaitable<Result<std::map<std::string, admission::BindFact>>> FolderPaths::look(
    User user, std::vector<std::string> sources) {
  mounts::pins::Job job;
  job.user = std::move(user);
  job.roots = roots_;
  job.listen = sockets_.listen;
  job.engine = sockets_.engine;
  for (const std::string& source : sources) job.steps.push_back({.source = source, .pin = {}});
  Result<mounts::pins::Report> report = co_await helper_.run(std::move(job));
  if (report && report->found.size() != sources.size()) {
    report = fail(ErrorCode::Malformed, "not all folders were looked at");
  }
  if (!report) {
    failures_.note(Dependency::FileSystem, report.error().message());
    co_return fail(report.error());
  }
  std::map<std::string, admission::BindFact> facts;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    mounts::pins::Found& found = report->found[i];
    if (found.error && away(*found.error)) {
      failures_.note(Dependency::FileSystem, found.error->message());
      co_return fail(*found.error);
    }
    facts[sources[i]] = factOf(sources[i], std::move(found));
  }
  co_return facts;
}

boost::asio::awaitable<Result<std::optional<std::uint32_t>>> FolderPaths::ownerOf(User user, std::string folder) {
  mounts::pins::Job job;
  job.user = std::move(user);
  job.listen = sockets_.listen;
  job.engine = sockets_.engine;
  job.steps.push_back({.source = std::move(folder), .pin = {}});
  const Result<mounts::pins::Report> report = co_await helper_.run(std::move(job));
  if (!report || report->found.size() != 1) {
    const Error error = report ? Error(ErrorCode::Malformed, "the folder was not looked at") : report.error();
    failures_.note(Dependency::FileSystem, error.message());
    co_return fail(error);
  }
  const mounts::pins::Found& found = report->found.front();
  if (found.error && away(*found.error)) {
    failures_.note(Dependency::FileSystem, found.error->message());
    co_return fail(*found.error);
  }
  if (found.error || found.socket) co_return std::nullopt;
  co_return found.owner;
}

}  // namespace ds01::daemon
