// The Engine's JSON (Docker Engine API, 1.24 and later) reduced to model/engine.h. Only what we use is looked at: other
// fields may come, go and be null as they like. Nothing throws; what lacks a field that we need is Malformed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/engine.h"

namespace ds01::docker {

// From GET /info and GET /version. Needs ApiVersion and NCPU.
Result<EngineFacts> decodeFacts(std::string_view info, std::string_view version);
// From GET /containers/ID/json. Needs a full Id and State.Status.
Result<ContainerView> decodeContainer(std::string_view text);
// From GET /images/NAME/json. Needs Id; an image without Config has no environment.
Result<ImageView> decodeImage(std::string_view text);
Result<ImageList> decodeImages(std::string_view text);
// From GET /networks/ID. Needs a full Id and a Name.
Result<NetworkView> decodeNetwork(std::string_view text);
// From GET /volumes/NAME, or the answer to POST /volumes/create. Needs a Name.
Result<VolumeView> decodeVolume(std::string_view text);
// From GET /exec/ID/json. Needs ID and a full ContainerID.
Result<ExecView> decodeExec(std::string_view text);
// One object of GET /events: with Type, Action and Actor, or the older {"status","id","from"}, which is about
// containers.
Result<EngineEvent> decodeEvent(std::string_view text);

// The body of POST /containers/ID/update that sets the policy and nothing else.
std::string restartPolicyBody(const RestartPolicy& policy);

// The body of POST /volumes/create for a local volume.
std::string volumeBody(std::string_view name, const std::map<std::string, std::string>& labels);

// The sentence of {"message": "…"}; nothing if `body` is not the Engine's error object.
std::optional<std::string> decodeErrorMessage(std::string_view body);

// What the Engine says to a create without its image, from what it says to an inspect of that image: Engines before 25
// put "no such image: NAME: " before it there.
std::string missingImageSentence(std::string_view message);

}  // namespace ds01::docker
