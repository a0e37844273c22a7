// The control API's requests: GET /v1/status and GET /v1/containers. Errors are {"api":1,"message":"…"} with 404 for a
// path that is not ours and 405 for another method. A query is ignored.
#pragma once

#include <vector>

#include "control/types.h"
#include "model/user.h"
#include "net/http_message.h"

namespace ds01::control {

// The daemon's state as the API shows it: complete, whoever asks. The router cuts it to what the caller may see.
class View {
 public:
  View() = default;
  View(const View&) = delete;
  View& operator=(const View&) = delete;
  virtual ~View() = default;
  virtual StatusSnapshot status() const = 0;
  virtual std::vector<ContainerRow> containers() const = 0;
};

// `caller` must be proven by the kernel. Runs on the thread that `view` needs.
net::HttpReply handle(const net::HttpRequest& request, const Caller& caller, const View& view);

// A reply that carries a sentence instead of an answer, e.g. when the caller could not be identified (403).
net::HttpReply errorReply(int status, std::string_view message);

}  // namespace ds01::control
