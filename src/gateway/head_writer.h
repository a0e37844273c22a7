// The heads that we write: to the Engine by an allow-list, to the client all but what concerns one connection only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/raw_head.h"
#include "gateway/response_head.h"

namespace ds01::gateway {

// One request as it goes to the Engine.
struct Outgoing {
  std::string method;
  std::string target;               // as serialise() wrote it
  std::optional<std::string> body;  // JSON of ours, in place of the client's body
  bool stream_body = false;         // the client's body follows; only without `body`
  bool keep_accept = true;          // false where we read the answer ourselves
  std::string upgrade;              // empty: none
  bool ours = false;                // a question of ours beside the client's request
  bool at_once = false;             // an Engine that works has the answer at hand: it is not waited for without end
  bool judged = false;              // the site's policy has been asked about it
  HeaderField instead = {};         // for whatever the client's head has of that name; empty: none
};

// Headers of ours; no client's of the same name stands beside one.
struct OwnHeader {
  std::string name;
  std::string value;
};
using OwnHeaders = std::vector<OwnHeader>;

// `client` is where the headers of the allow-list come from.
std::string requestHead(const Outgoing& request, const RawHead& client, const OwnHeaders& own = {});

enum class Framing {
  AsIs,     // Content-Length, or no body
  Chunked,  // whatever the Engine used
  Upgrade,  // 101, or the raw stream after an old 200
};

std::string responseHead(const ResponseHead& response, Framing framing, bool close);
// The Engine's head with a body of ours.
std::string responseHeadFor(const ResponseHead& response, std::size_t body_bytes, bool close);
// An answer of our own, JSON.
std::string ownResponse(int status, std::string_view json, bool close, bool without_body);
std::string messageJson(std::string_view message);

}  // namespace ds01::gateway
