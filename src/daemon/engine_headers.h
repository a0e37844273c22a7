// What each request of ours to the Engine carries besides, the gateway's and our own questions: a ticket as long as
// there is a key (authz/posix/key_file.h), and for the Engine's own plugins whose request it is, if the site names a
// header.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "authz/posix/ticket_office.h"
#include "gateway/head_writer.h"

namespace ds01::daemon {

// Must outlive what it made. One thread.
class EngineHeaders {
 public:
  using Header = std::pair<std::string, std::string>;

  explicit EngineHeaders(std::string key_path);

  // The name, from the next request on. Unset: no such header.
  void tellUserAs(std::optional<std::string> name) { user_header_ = std::move(name); }

  // For our own questions, which are root's.
  std::function<std::vector<Header>(std::string_view method, std::string_view target)> ofOurs();
  // As in gateway::GatewayOptions.
  std::function<gateway::OwnHeaders(std::string_view method, std::string_view target,
                                    std::optional<std::string_view> login)>
  ofGateway();

 private:
  std::optional<std::string> ticketFor(std::string_view method, std::string_view target);

  authz::posix::TicketOffice office_;
  std::string problem_;  // what was last logged
  std::optional<std::string> user_header_;
};

// A login as the value of a header: what is no visible ASCII character, and %, as %XX. No two logins have one value.
std::string headerValueOf(std::string_view login);

}  // namespace ds01::daemon
