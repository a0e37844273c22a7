// The Engine over its Unix socket (Docker Engine API over HTTP/1.1).
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/result.h"
#include "docker/engine_client.h"
#include "model/engine.h"
#include "net/http_client.h"

namespace ds01::docker::uds {

// The client must outlive the calls in flight. Errors as in EngineClient; also InvalidArgument (400, or a reference
// that is none), PermissionDenied (401, 403), Conflict (409), Timeout, and Unavailable for 5xx. A 404 that is not the
// Engine's own error object is Malformed: it must not be taken for "there is no such container".
class UdsEngineClient : public EngineClient {
 public:
  // `timeout` is for one whole question; for followEvents, until the head of the answer. `headers`: as in
  // net::HttpClientOptions.
  UdsEngineClient(boost::asio::any_io_executor executor, std::string socket_path,
                  std::chrono::milliseconds timeout = std::chrono::seconds{30},
                  const decltype(net::HttpClientOptions::headers)& headers = {});

  boost::asio::awaitable<Result<EngineFacts>> facts() override;
  boost::asio::awaitable<Result<ContainerView>> inspectContainer(std::string ref) override;
  boost::asio::awaitable<Result<ImageView>> inspectImage(std::string ref) override;
  boost::asio::awaitable<Result<ImageList>> listImages() override;
  boost::asio::awaitable<Result<NetworkView>> inspectNetwork(std::string ref) override;
  boost::asio::awaitable<Result<VolumeView>> inspectVolume(std::string name) override;
  boost::asio::awaitable<Result<VolumeView>> createVolume(std::string name,
                                                          std::map<std::string, std::string> labels) override;
  boost::asio::awaitable<Result<ExecView>> inspectExec(std::string id) override;
  boost::asio::awaitable<Result<std::vector<ContainerSummary>>> listContainers(std::string label) override;
  boost::asio::awaitable<Result<std::vector<ContainerSummary>>> listRunning() override;
  boost::asio::awaitable<Result<std::string>> readFile(ContainerId id, std::string path) override;
  boost::asio::awaitable<Status> setRestartPolicy(ContainerId id, RestartPolicy policy) override;
  boost::asio::awaitable<Status> killContainer(ContainerId id) override;
  boost::asio::awaitable<Status> followEvents(std::function<void()> on_open,
                                              std::function<void(const EngineEvent&)> on_event) override;

 private:
  // The body of a 200.
  boost::asio::awaitable<Result<std::string>> get(std::string target);
  // What `decode` makes of it; `target` may be the reason why there is none.
  template <typename View>
  boost::asio::awaitable<Result<View>> look(Result<std::string> target, Result<View> (*decode)(std::string_view));
  boost::asio::awaitable<Result<std::vector<ContainerSummary>>> list(std::string target);
  // The body of a 2xx or 304.
  boost::asio::awaitable<Result<std::string>> post(std::string target, std::string body);

  net::HttpClient http_;
  net::HttpClient files_;  // whose answers are what users wrote
};

}  // namespace ds01::docker::uds
