// The parent's side of the process that makes pins: one process for one job, with a time limit.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/result.h"
#include "mounts/pins/job.h"
#include "net/fair_pool.h"
#include "process/spawn.h"

namespace ds01::mounts::pins {

struct HelperSettings {
  std::string program = "/proc/self/exe";  // started with `arguments`
  std::vector<std::string> arguments;
  std::chrono::milliseconds limit{5'000};
};

class Helper {
 public:
  // Processes of one user that hang in the kernel and cannot be ended, beyond which it gets no more.
  static constexpr std::size_t kMostStuck = 4;

  // The pool outlives this; its threads wait, so it had better serve nothing else.
  Helper(net::FairPool& pool, HelperSettings settings);

  // Called on the I/O thread; resumes there. Timeout: the file system did not answer, and the process was given up.
  // Unavailable: it cannot be started, or too much of this user hangs. The report's own error comes as the result's.
  boost::asio::awaitable<Result<Report>> run(Job job);

 private:
  // Processes that were killed and have not ended. Shared with the pool's threads.
  struct Stuck {
    std::mutex mutex;                                                     // guards `processes`
    std::map<std::uint32_t, std::list<process::ChildProcess>> processes;  // by uid
  };

  static Result<Report> runOne(const HelperSettings& settings, const Job& job, Stuck& stuck);

  net::FairPool& pool_;
  const HelperSettings settings_;
  std::shared_ptr<Stuck> stuck_ = std::make_shared<Stuck>();
};

}  // namespace ds01::mounts::pins
