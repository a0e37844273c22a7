#include "daemon/engine_tickets.h"

#include <spdlog/spdlog.h>

namespace ds01::daemon {

EngineTickets::EngineTickets(std::string key_path) : office_(std::move(key_path)) {}

std::function<EngineTickets::Header(std::string_view, std::string_view)> EngineTickets::header() {
  return [this](std::string_view method, std::string_view target) { return make(method, target); };
}

std::function<gateway::OwnHeader(std::string_view, std::string_view)> EngineTickets::gatewayHeader() {
  return [this](std::string_view method, std::string_view target) {
    Header header = make(method, target);
    if (!header) return gateway::OwnHeader{};
    return gateway::OwnHeader{.name = std::move(header->first), .value = std::move(header->second)};
  };
}

EngineTickets::Header EngineTickets::make(std::string_view method, std::string_view target) {
  Result<std::optional<std::string>> ticket = office_.ticketFor(method, target);
  const std::string problem = ticket ? "" : ticket.error().message();
  if (problem != problem_) {
    problem_ = problem;
    if (!problem.empty()) spdlog::error("requests to the Docker Engine go without a ticket: {}", problem);
  }
  if (!ticket || !*ticket) return std::nullopt;
  return Header(std::in_place, std::string(authz::kTicketHeader), **std::move(ticket));
}

}  // namespace ds01::daemon
