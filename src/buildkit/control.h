// BuildKit's control API, moby.buildkit.v1.Control and what the Engine serves beside it, as far as its calls are looked
// at (api/services/control/control.proto of moby/buildkit). BuildKit knows no users: whoever reaches it sees and moves
// what is everybody's. What of a request is decided on is written anew; the rest is copied as it came.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ds01::buildkit {

// What a method is about.
enum class Method {
  Harmless,     // tells of the builder, not of builds
  Solve,        // makes an image: its request is read
  Status,       // follows a build: whose it is, is in its request
  WithinBuild,  // LLBBridge: whose the build is, is in a header
  SolveWithin,  // the same, and its request is read
  Return,       // likewise: what a client says has become of its build
  Du,           // others' commands
  Prune,        // others' cache
  Unknown,      // everything else
};
Method methodOf(std::string_view path);

// The header in which clients name the build that a call of LLBBridge belongs to.
inline constexpr std::string_view kBuildHeader = "buildkit-controlapi-buildid";

// A build's name, chosen at random by its client. Longer ones and others are refused.
bool isRef(std::string_view text);

using Attributes = std::map<std::string, std::string, std::less<>>;

struct Exporter {
  std::string type;
  Attributes attributes;
  std::string id;  // chosen by the client
};

struct SolveRequest {
  std::string ref;
  std::vector<Exporter> exporters;
  std::optional<Exporter> exporter;  // as older clients put it, and new ones for older Engines
  std::string frontend;
  Attributes options;    // FrontendAttrs
  bool own_llb = false;  // instructions that no frontend of the Engine's has written
  std::vector<std::string> entitlements;
  bool exporters_by_session = false;  // BuildKit would ask the client for exporters later
  bool inline_cache = false;          // the cache is to be a part of the image
  bool other_caches = false;          // it is to go elsewhere
  std::string rest;                   // other fields that are known, as they came
};

// Malformed: not what the .proto says, or a field that this program does not know.
Result<SolveRequest> readSolve(std::string_view message);
// Without entitlements, instructions of one's own, exporters that come later, and caches but that one, whatever the
// request has.
std::string writeSolve(const SolveRequest& request);

// What a frontend, or a client in its place, has solved within a build (frontend/gateway/pb/gateway.proto).
struct WithinRequest {
  std::string frontend;
  Attributes options;
  bool own_llb = false;
  std::string rest;
};
// As above; instructions of one's own are not written.
Result<WithinRequest> readWithin(std::string_view message);
std::string writeWithin(const WithinRequest& request);

// Malformed: a ReturnRequest that BuildKit would fall over (a result without a ref, metadata that is no object).
Status examineReturn(std::string_view message);

// Of a StatusRequest.
Result<std::string> readStatus(std::string_view message);
std::string writeStatus(std::string_view ref);

// Ids of images that a SolveResponse tells of; nothing if it is not understood.
std::vector<std::string> imagesOf(std::string_view answer);

}  // namespace ds01::buildkit
