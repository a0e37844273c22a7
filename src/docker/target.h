// Request targets for the Engine.
//
// They carry no version ("/containers/…", not "/v1.41/containers/…"): dockerd then speaks its newest API, so the same
// binary works with an Engine that has dropped old versions (29 refuses what is below 1.44) and with one that does not
// know new ones. The codec is tolerant of the differences.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ds01::docker {

// InvalidArgument for all that take a reference: empty, or with a control character, "?" or "#", or a dot segment,
// which no reference of Docker's has and which could lead to another resource.
Result<std::string> containerTarget(std::string_view ref);  // a name, an id or a prefix, without a "/" but one in front
// POST /containers/ID/WHAT, where `what` is one of ours: a path segment and perhaps a query, encoded.
Result<std::string> containerActionTarget(std::string_view ref, std::string_view what);
// GET /containers/ID/archive of a path in the container.
Result<std::string> archiveTarget(std::string_view ref, std::string_view path);
Result<std::string> execTarget(std::string_view id);
Result<std::string> networkTarget(std::string_view ref);
Result<std::string> volumeTarget(std::string_view name);
Result<std::string> imageTarget(std::string_view ref);  // keeps "/", ":" and "@"; no empty or dot segment

// All images, those under others included.
std::string imagesTarget();
// All containers, stopped ones too, with `label` ("key" or "key=value").
std::string listTarget(std::string_view label);
// All containers that have processes.
std::string listRunningTarget();
// Events about containers from now on.
std::string eventsTarget();

}  // namespace ds01::docker
