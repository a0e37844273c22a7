// The Engine as our own parts ask it (users' requests go through the gateway's own connections).
//
// Errors: NotFound carries the Engine's own sentence ("No such image: x:latest"), which may be shown to the user;
// Unavailable when the socket does not answer; Malformed when an answer cannot be read.
// All calls run on the I/O thread; many may be in flight at once.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/result.h"
#include "model/engine.h"

namespace ds01::docker {

class EngineClient {
 public:
  EngineClient() = default;
  EngineClient(const EngineClient&) = delete;
  EngineClient& operator=(const EngineClient&) = delete;
  virtual ~EngineClient() = default;

  virtual boost::asio::awaitable<Result<EngineFacts>> facts() = 0;
  // `ref` is a name, an id or an unambiguous prefix; it is percent-encoded by the callee.
  virtual boost::asio::awaitable<Result<ContainerView>> inspectContainer(std::string ref) = 0;
  virtual boost::asio::awaitable<Result<ImageView>> inspectImage(std::string ref) = 0;
  // All images, those under others included.
  virtual boost::asio::awaitable<Result<ImageList>> listImages() = 0;
  virtual boost::asio::awaitable<Result<NetworkView>> inspectNetwork(std::string ref) = 0;
  virtual boost::asio::awaitable<Result<VolumeView>> inspectVolume(std::string name) = 0;
  virtual boost::asio::awaitable<Result<ExecView>> inspectExec(std::string id) = 0;
  // All containers, stopped ones too, that carry `label` ("ds01.user" or "ds01.user=alice"); all at all if it is empty.
  virtual boost::asio::awaitable<Result<std::vector<ContainerSummary>>> listContainers(std::string label) = 0;
  // All containers that have processes or are about to be restarted, whoever made them.
  virtual boost::asio::awaitable<Result<std::vector<ContainerSummary>>> listRunning() = 0;

  // A local volume with these labels; if there is one of that name already, that one, with its own labels.
  virtual boost::asio::awaitable<Result<VolumeView>> createVolume(std::string name,
                                                                  std::map<std::string, std::string> labels) = 0;
  // The bytes of a regular file in a container, whether it runs or not; links are not followed. Exhausted: it has more
  // than kLongestFile.
  static constexpr std::size_t kLongestFile = 1024 * 1024;
  virtual boost::asio::awaitable<Result<std::string>> readFile(ContainerId id, std::string path) = 0;

  // What the Engine shall do by itself when the container ends. Only for one that does not run: for others the Engine
  // writes their cgroup's device list anew.
  virtual boost::asio::awaitable<Status> setRestartPolicy(ContainerId id, RestartPolicy policy) = 0;
  // SIGKILL, and no restart by its policy. Conflict if it does not run.
  virtual boost::asio::awaitable<Status> killContainer(ContainerId id) = 0;

  // Follows the event stream until it ends, which is always an error. `on_open` is called once the Engine has accepted
  // the subscription: what is listed after that call cannot be missed. Handlers run on the I/O thread and must not
  // block.
  virtual boost::asio::awaitable<Status> followEvents(std::function<void()> on_open,
                                                      std::function<void(const EngineEvent&)> on_event) = 0;
};

}  // namespace ds01::docker
