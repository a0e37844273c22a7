// Each request of ours to the Engine carries a ticket as long as there is a key (authz/posix/key_file.h): the gateway's
// and our own questions.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "authz/posix/ticket_office.h"
#include "gateway/head_writer.h"

namespace ds01::daemon {

// Must outlive what it made. One thread.
class EngineTickets {
 public:
  using Header = std::optional<std::pair<std::string, std::string>>;

  explicit EngineTickets(std::string key_path);

  std::function<Header(std::string_view method, std::string_view target)> header();
  std::function<gateway::OwnHeader(std::string_view method, std::string_view target)> gatewayHeader();

 private:
  Header make(std::string_view method, std::string_view target);

  authz::posix::TicketOffice office_;
  std::string problem_;  // what was last logged
};

}  // namespace ds01::daemon
