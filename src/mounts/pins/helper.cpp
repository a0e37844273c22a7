#include "mounts/pins/helper.h"

#include <cerrno>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ds01::mounts::pins {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

// A socket to the child, with one limit for all of the conversation.
class Conversation {
 public:
  Conversation(Fd socket, milliseconds limit) : socket_(std::move(socket)), until_(SteadyClock::now() + limit) {}

  Status say(std::string_view text) {
    while (!text.empty()) {
      if (const Status ready = await(POLLOUT); !ready) return ready;
      const ssize_t count = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count < 0 && errno != EINTR && errno != EAGAIN) return fail(Error::fromErrno(errno, "send"));
      if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
    }
    if (::shutdown(socket_.get(), SHUT_WR) != 0) return fail(Error::fromErrno(errno, "shutdown"));
    return {};
  }

  Result<std::string> hear() {
    std::string text;
    char buffer[16384];
    for (;;) {
      if (const Status ready = await(POLLIN); !ready) return fail(ready.error());
      const ssize_t count = ::recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
      if (count == 0) return text;
      if (count < 0 && errno != EINTR && errno != EAGAIN) return fail(Error::fromErrno(errno, "recv"));
      if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
      if (text.size() > kLongestText) return fail(ErrorCode::Malformed, "a report that is too long");
    }
  }

 private:
  Status await(short events) {
    for (;;) {
      const auto left = std::chrono::ceil<milliseconds>(until_ - SteadyClock::now());
      if (left.count() <= 0) return fail(ErrorCode::Timeout, "the file system does not answer");
      pollfd entry{.fd = socket_.get(), .events = events, .revents = 0};
      const int ready = ::poll(&entry, 1, static_cast<int>(left.count()));
      if (ready > 0) return {};
      if (ready < 0 && errno != EINTR) return fail(Error::fromErrno(errno, "poll"));
    }
  }

  Fd socket_;
  SteadyClock::time_point until_;
};

}  // namespace

Helper::Helper(net::FairPool& pool, HelperSettings settings) : pool_(pool), settings_(std::move(settings)) {}

Result<Report> Helper::runOne(const HelperSettings& settings, const Job& job, Stuck& stuck) {
  const auto sweep = [&stuck, uid = job.user.uid] {
    auto& processes = stuck.processes[uid];
    std::erase_if(processes, [](process::ChildProcess& child) { return child.collect().has_value(); });
    return processes.size();
  };
  {
    const std::lock_guard lock(stuck.mutex);
    if (sweep() >= kMostStuck) {
      return fail(ErrorCode::Unavailable, "the file system does not answer, as it did not before");
    }
  }
  Result<process::ChildProcess> child = process::spawn(settings.program, settings.arguments);
  if (!child) return fail(ErrorCode::Unavailable, child.error().message());
  Conversation talk(child->takeSocket(), settings.limit);
  Result<std::string> answer = std::string();
  if (const Status said = talk.say(encode(job)); said) {
    answer = talk.hear();
  } else {
    answer = fail(said.error());
  }
  // It has said all, and what it still does is ending; or it hangs, and may do so where nothing ends it.
  child->kill();
  const Fd end = child->takePidfd();
  pollfd entry{.fd = end.get(), .events = POLLIN, .revents = 0};
  constexpr int kPatience = 200;  // ms
  ::poll(&entry, 1, kPatience);
  if (!child->collect()) {
    const std::lock_guard lock(stuck.mutex);
    stuck.processes[job.user.uid].push_back(*std::move(child));
  }
  if (!answer) return fail(answer.error());
  if (answer->empty()) return fail(ErrorCode::Unavailable, "the process that looks at folders has failed");
  return decodeReport(*answer);
}

boost::asio::awaitable<Result<Report>> Helper::run(Job job) {
  const std::uint32_t uid = job.user.uid;
  const std::size_t steps = job.what == Job::What::Look || job.what == Job::What::Pin ? job.steps.size() : 0;
  auto report = std::make_shared<Result<Report>>(fail(ErrorCode::Internal, "not run"));
  // Named, because GCC 12 destroys a lambda that is a temporary of a co_await expression twice.
  std::function<void()> work = [report, job = std::move(job), settings = settings_, stuck = stuck_] {
    *report = runOne(settings, job, *stuck);
  };
  const Status done = co_await pool_.run(uid, std::move(work));
  if (!done) co_return fail(done.error());
  if (!*report) co_return fail(report->error());
  if ((*report)->error) co_return fail(*(*report)->error);
  const std::vector<Found>& found = (*report)->found;
  // A job that is all or nothing ends at the first error.
  const bool cut = !found.empty() && found.back().error.has_value();
  if (found.size() > steps || (found.size() < steps && !cut)) {
    co_return fail(ErrorCode::Malformed, "a report that does not answer the question");
  }
  co_return std::move(**report);
}

}  // namespace ds01::mounts::pins
