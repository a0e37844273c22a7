#include "daemon/engine_headers.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace ds01::daemon {

namespace {

// Whoever keeps the Engine's plugins from answering ds01d keeps it from working.
constexpr std::string_view kOurLogin = "root";

}  // namespace

std::string headerValueOf(std::string_view login) {
  std::string out;
  for (const char c : login) {
    if (c > ' ' && c < '\x7f' && c != '%') {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

EngineHeaders::EngineHeaders(std::string key_path) : office_(std::move(key_path)) {}

std::function<std::vector<EngineHeaders::Header>(std::string_view, std::string_view)> EngineHeaders::ofOurs() {
  return [this](std::string_view method, std::string_view target) {
    std::vector<Header> headers;
    if (auto ticket = ticketFor(method, target)) headers.emplace_back(authz::kTicketHeader, std::move(*ticket));
    if (user_header_) headers.emplace_back(*user_header_, kOurLogin);
    return headers;
  };
}

std::function<gateway::OwnHeaders(std::string_view, std::string_view, std::optional<std::string_view>)>
EngineHeaders::ofGateway() {
  return [this](std::string_view method, std::string_view target, std::optional<std::string_view> login) {
    gateway::OwnHeaders headers;
    if (auto ticket = ticketFor(method, target)) {
      headers.push_back({.name = std::string(authz::kTicketHeader), .value = std::move(*ticket)});
    }
    if (user_header_) headers.push_back({.name = *user_header_, .value = headerValueOf(login.value_or(kOurLogin))});
    return headers;
  };
}

std::optional<std::string> EngineHeaders::ticketFor(std::string_view method, std::string_view target) {
  Result<std::optional<std::string>> ticket = office_.ticketFor(method, target);
  const std::string problem = ticket ? "" : ticket.error().message();
  if (problem != problem_) {
    problem_ = problem;
    if (!problem.empty()) spdlog::error("requests to the Docker Engine go without a ticket: {}", problem);
  }
  if (!ticket) return std::nullopt;
  return std::move(*ticket);
}

}  // namespace ds01::daemon
