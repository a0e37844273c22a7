// The site's policy, asked beside the built-in rules about what is to be forwarded. It can refuse, never allow more.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "gateway/head_writer.h"
#include "model/denial.h"
#include "policy/question.h"

namespace ds01::gateway {

class Exchange;

class Policies {
 public:
  virtual ~Policies() = default;
  // Whether there is a policy at all, and one for requests of this class. Cheap; asked about each request.
  virtual bool any() const = 0;
  virtual bool asks(policy::RequestClass what) const = 0;
  // `input` is what policy::encodeInput() wrote of a request of this class. Its refusal; or ours, if it could not be
  // asked and the site's fail direction says so; unset: go on.
  virtual boost::asio::awaitable<std::optional<Denial>> judge(policy::RequestClass what, bool admin,
                                                              std::string input) = 0;
};

// Bodies of users that a policy is asked about have no more bytes.
inline constexpr std::size_t kLongestAsked = 1024UL * 1024;
// 403: so the request is refused, in every fail direction.
Denial notForPolicies(std::string_view why);

// Asks about what is to be sent on behalf of the exchange's caller.
boost::asio::awaitable<std::optional<Denial>> consult(Exchange& exchange, const Outgoing& out);

}  // namespace ds01::gateway
