#include "daemon/inspection.h"

#include <algorithm>
#include <exception>
#include <list>
#include <optional>
#include <utility>

#include <boost/asio/this_coro.hpp>
#include <spdlog/spdlog.h>

#include "net/side_task.h"

namespace ds01::daemon {

namespace asio = boost::asio;

namespace {

// The Engine works on so many at once; more would only stand in its line.
constexpr std::size_t kAtOnce = 8;

using Found = Result<std::optional<PresentContainer>>;  // unset: removed meanwhile

struct Inspection {
  OwnerService& owners;
  docker::EngineClient& engine;
  const std::vector<ContainerSummary>& listed;
  std::vector<Found> found;
  std::size_t next = 0;
};

asio::awaitable<Found> inspectOne(Inspection& inspection, const ContainerSummary& summary) {
  Result<ContainerView> view = co_await inspection.owners.learn(summary.id);
  if (view) {
    std::optional<std::string> owner = inspection.owners.provenOwner(*view);
    co_return PresentContainer{std::move(*view), std::move(owner)};
  }
  if (view.error().code() == ErrorCode::NotFound) co_return std::nullopt;
  const Result<EngineFacts> answers = co_await inspection.engine.facts();
  if (!answers) co_return fail(answers.error());
  spdlog::error("container {} cannot be inspected; what its labels say it holds stays held: {}", summary.id.str(),
                view.error().message());
  PresentContainer damaged;
  damaged.view.id = summary.id;
  damaged.view.labels = summary.labels;
  const auto claimed = summary.labels.find("ds01.user");
  if (claimed != summary.labels.end() && !claimed->second.empty()) damaged.owner = claimed->second;
  co_return damaged;
}

asio::awaitable<void> inspectSome(Inspection& inspection) {
  while (inspection.next < inspection.listed.size()) {
    const std::size_t at = inspection.next++;
    Found found = co_await inspectOne(inspection, inspection.listed[at]);
    if (!found) inspection.next = inspection.listed.size();  // the Engine has gone: no more questions
    inspection.found[at] = std::move(found);
  }
}

}  // namespace

asio::awaitable<Result<std::vector<PresentContainer>>> inspectAll(OwnerService& owners, docker::EngineClient& engine,
                                                                  const std::vector<ContainerSummary>& listed) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  Inspection inspection{owners, engine, listed, std::vector<Found>(listed.size())};
  std::list<net::SideTask> tasks;
  std::exception_ptr thrown;
  try {
    for (std::size_t i = 0; i < std::min(kAtOnce, listed.size()); ++i) {
      tasks.emplace_back(executor).start(inspectSome(inspection));
    }
  } catch (...) {
    thrown = std::current_exception();
  }
  // To the end of all of them, because they use what is on this frame.
  for (net::SideTask& task : tasks) {
    try {
      co_await task.join();
    } catch (...) {
      thrown = std::current_exception();
    }
  }
  if (thrown) std::rethrow_exception(thrown);
  std::vector<PresentContainer> present;
  present.reserve(listed.size());
  for (Found& found : inspection.found) {
    if (!found) co_return fail(found.error());
    if (*found) present.push_back(std::move(**found));
  }
  co_return present;
}

}  // namespace ds01::daemon
