// The decision on POST /containers/create up to the point where something is reserved: shared by the transaction
// (create_handler.cpp) and the dry run (dry_run.h), so that both decide alike. Asks, but changes nothing.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

#include "admission/admission.h"
#include "gateway/gateway.h"
#include "model/denial.h"

namespace ds01::gateway {

// All of a create request that decides anything.
struct CreateRequest {
  Caller caller;
  std::string user_agent;
  std::string container_name;  // ?name=, may be empty
  std::string body;            // as the client sent it
  // Dry runs only: go on without what the image says, so that the rest can be told too.
  bool image_may_be_missing = false;
  RuleSet excused = {};
};

// Why a create ends before the Engine is asked, and how the client is told.
struct Stop {
  enum class How { Deny, EngineSays, EngineAway };
  How how = How::Deny;
  Denial denial;  // for EngineSays: status and the Engine's own text
};

struct CreatePlan {
  admission::Facts facts;
  admission::Examined examined;
  Facts inputs;                     // what was asked, for the explanation of the decision
  std::string missing_image;        // the Engine's sentence, if that was allowed
  std::size_t body_bytes = 0;       // of the request
  admission::VolumeLabels volumes;  // admission::Examined
};

// `ports` outlives the call.
boost::asio::awaitable<std::expected<CreatePlan, Stop>> planCreate(Ports& ports, CreateRequest request);

// Frees it where large bodies are freed.
boost::asio::awaitable<void> discardPlan(Ports& ports, CreatePlan plan);

// What is asked of the ledger for it, on behalf of whoever it is for.
GrantRequest grantRequest(const CreatePlan& plan, const DecisionId& decision);

// A name that another container's short id would be shadowed by, because the Engine looks for names first. Admins may.
std::optional<Denial> checkContainerName(const Caller& caller, std::string_view name);

// Puts the inputs before what the part that refused has told.
Denial withInputs(Denial denial, const Facts& inputs);

}  // namespace ds01::gateway
