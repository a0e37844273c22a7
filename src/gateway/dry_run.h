// What would come of a create request, by the very code that decides real ones; nothing is reserved, sent or written.
#pragma once

#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/json/value.hpp>

#include "gateway/create_plan.h"

namespace ds01::gateway {

struct DryRunRequest {
  Caller caller;
  std::string target;  // as the client would send it: "/v1.41/containers/create?name=train"
  std::string user_agent;
  std::string body;
};

struct BodyChange {
  std::string path;    // "HostConfig.Memory"
  std::string before;  // JSON text; empty: not there
  std::string after;
};

struct DryRunAnswer {
  bool granted = false;
  Denial denial;  // unless granted; `facts` are in `facts`
  Facts facts;    // inputs and numbers, and for a grant where it would go
  std::vector<BodyChange> changes;
  std::vector<std::string> warnings;
  std::string missing_image;  // the Engine's sentence: it would be pulled first
};

boost::asio::awaitable<DryRunAnswer> dryRun(Ports ports, DryRunRequest request);

// What differs, in the order of `after`, members of objects by path; at most `most`, long values cut. Lists of strings
// are compared as sets.
std::vector<BodyChange> changesBetween(const boost::json::value& before, const boost::json::value& after,
                                       std::size_t most = 64);

}  // namespace ds01::gateway
