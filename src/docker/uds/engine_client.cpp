#include "docker/uds/engine_client.h"

#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "docker/archive.h"
#include "docker/codec.h"
#include "docker/container_list.h"
#include "docker/event_splitter.h"
#include "docker/target.h"

namespace ds01::docker::uds {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kMaxErrorBytes = 64 * 1024;

using HeaderMaker = decltype(net::HttpClientOptions::headers);

net::HttpClientOptions clientOptions(std::string socket_path, std::chrono::milliseconds timeout,
                                     const HeaderMaker& headers) {
  net::HttpClientOptions options;
  options.headers = headers;
  options.socket_path = std::move(socket_path);
  options.timeout = timeout;
  return options;
}

Error refused(int status, std::string_view body) {
  std::optional<std::string> message = decodeErrorMessage(body);
  if (status == 404 && message) return {ErrorCode::NotFound, std::move(*message)};
  ErrorCode code = ErrorCode::Malformed;
  if (status == 400) code = ErrorCode::InvalidArgument;
  if (status == 401 || status == 403) code = ErrorCode::PermissionDenied;
  if (status == 409) code = ErrorCode::Conflict;
  if (status >= 500) code = ErrorCode::Unavailable;
  return {code, fmt::format("the Engine answered {}: {}", status, message.value_or("(no reason given)"))};
}

net::HttpRequest question(std::string target) {
  net::HttpRequest request;
  request.target = std::move(target);
  return request;
}

// False once there is enough of it.
bool keepErrorBody(std::string& kept, std::string_view bytes) {
  kept.append(bytes.substr(0, kMaxErrorBytes - kept.size()));
  return kept.size() < kMaxErrorBytes;
}

// What followEvents keeps while the stream runs.
struct Following {
  int status = 0;
  EventSplitter splitter;
  std::string error_body;
  std::optional<Error> broken;
};

// A file that is somewhat longer than may be is still told from one that is not.
net::HttpClientOptions fileOptions(std::string socket_path, const HeaderMaker& headers) {
  return {.socket_path = std::move(socket_path),
          .timeout = std::chrono::seconds{5},
          .max_body_bytes = 2 * EngineClient::kLongestFile,
          .headers = headers};
}

}  // namespace

UdsEngineClient::UdsEngineClient(asio::any_io_executor executor, std::string socket_path,
                                 std::chrono::milliseconds timeout, const HeaderMaker& headers)
    : http_(executor, clientOptions(socket_path, timeout, headers)),
      files_(executor, fileOptions(std::move(socket_path), headers)) {}

asio::awaitable<Result<std::string>> UdsEngineClient::get(std::string target) {
  net::HttpRequest request = question(std::move(target));
  auto reply = co_await http_.exchange(std::move(request));
  if (!reply) co_return fail(reply.error());
  if (reply->status != 200) co_return fail(refused(reply->status, reply->body));
  co_return std::move(reply->body);
}

template <typename View>
asio::awaitable<Result<View>> UdsEngineClient::look(Result<std::string> target,
                                                    Result<View> (*decode)(std::string_view)) {
  if (!target) co_return fail(target.error());
  const auto body = co_await get(std::move(*target));
  if (!body) co_return fail(body.error());
  co_return decode(*body);
}

asio::awaitable<Result<EngineFacts>> UdsEngineClient::facts() {
  const auto version = co_await get("/version");
  if (!version) co_return fail(version.error());
  const auto info = co_await get("/info");
  if (!info) co_return fail(info.error());
  co_return decodeFacts(*info, *version);
}

asio::awaitable<Result<ContainerView>> UdsEngineClient::inspectContainer(std::string ref) {
  return look<ContainerView>(containerTarget(ref), decodeContainer);
}

asio::awaitable<Result<ImageList>> UdsEngineClient::listImages() {
  return look<ImageList>(imagesTarget(), decodeImages);
}

asio::awaitable<Result<ImageView>> UdsEngineClient::inspectImage(std::string ref) {
  auto target = imageTarget(ref);
  if (!target) co_return fail(target.error());
  const auto body = co_await get(std::move(*target));
  if (!body && body.error().code() == ErrorCode::NotFound) {
    co_return fail(ErrorCode::NotFound, missingImageSentence(body.error().message()));
  }
  if (!body) co_return fail(body.error());
  co_return decodeImage(*body);
}

asio::awaitable<Result<NetworkView>> UdsEngineClient::inspectNetwork(std::string ref) {
  return look<NetworkView>(networkTarget(ref), decodeNetwork);
}

asio::awaitable<Result<ExecView>> UdsEngineClient::inspectExec(std::string id) {
  return look<ExecView>(execTarget(id), decodeExec);
}

asio::awaitable<Result<std::string>> UdsEngineClient::readFile(ContainerId id, std::string path) {
  Result<std::string> target = archiveTarget(id.str(), path);
  if (!target) co_return fail(target.error());
  net::HttpRequest request = question(*std::move(target));
  const auto reply = co_await files_.exchange(std::move(request));
  if (!reply) co_return fail(reply.error());
  if (reply->status != 200) co_return fail(refused(reply->status, reply->body));
  co_return fileInArchive(reply->body, kLongestFile);
}

asio::awaitable<Result<VolumeView>> UdsEngineClient::inspectVolume(std::string name) {
  return look<VolumeView>(volumeTarget(name), decodeVolume);
}

asio::awaitable<Result<VolumeView>> UdsEngineClient::createVolume(std::string name,
                                                                  std::map<std::string, std::string> labels) {
  std::string target = "/volumes/create";
  std::string body = volumeBody(name, labels);
  const auto made = co_await post(std::move(target), std::move(body));
  if (!made) co_return fail(made.error());
  co_return decodeVolume(*made);
}

asio::awaitable<Result<std::string>> UdsEngineClient::post(std::string target, std::string body) {
  net::HttpRequest request = question(std::move(target));
  request.method = "POST";
  request.body = std::move(body);
  auto reply = co_await http_.exchange(std::move(request));
  if (!reply) co_return fail(reply.error());
  if (reply->status / 100 != 2 && reply->status != 304) co_return fail(refused(reply->status, reply->body));
  co_return std::move(reply->body);
}

asio::awaitable<Status> UdsEngineClient::setRestartPolicy(ContainerId id, RestartPolicy policy) {
  auto target = containerActionTarget(id.str(), "update");
  if (!target) co_return fail(target.error());
  std::string body = restartPolicyBody(policy);
  const auto done = co_await post(std::move(*target), std::move(body));
  if (!done) co_return fail(done.error());
  co_return Status{};
}

asio::awaitable<Status> UdsEngineClient::killContainer(ContainerId id) {
  auto target = containerActionTarget(id.str(), "kill?signal=KILL");
  if (!target) co_return fail(target.error());
  std::string body;
  const auto done = co_await post(std::move(*target), std::move(body));
  if (!done) co_return fail(done.error());
  co_return Status{};
}

asio::awaitable<Result<std::vector<ContainerSummary>>> UdsEngineClient::listRunning() {
  co_return co_await list(listRunningTarget());
}

asio::awaitable<Result<std::vector<ContainerSummary>>> UdsEngineClient::listContainers(std::string label) {
  co_return co_await list(listTarget(label));
}

asio::awaitable<Result<std::vector<ContainerSummary>>> UdsEngineClient::list(std::string target) {
  int status = 0;
  std::string error_body;
  ContainerListReader reader;
  Status read;
  const std::function<void(int)> on_head = [&](int code) { status = code; };
  const std::function<bool(std::string_view)> on_data = [&](std::string_view bytes) {
    if (status != 200) return keepErrorBody(error_body, bytes);
    read = reader.feed(bytes);
    return read.has_value();
  };
  net::HttpRequest request = question(std::move(target));
  const Status ended = co_await http_.stream(std::move(request), on_head, on_data, net::TimeLimit::Whole);
  if (status != 0 && status != 200) co_return fail(refused(status, error_body));
  if (!read) co_return fail(read.error());
  if (!ended) co_return fail(ended.error().context("container list"));
  co_return reader.finish();
}

asio::awaitable<Status> UdsEngineClient::followEvents(std::function<void()> on_open,
                                                      std::function<void(const EngineEvent&)> on_event) {
  Following following;
  const std::function<void(std::string_view)> on_object = [&](std::string_view text) {
    if (following.broken) return;
    const auto event = decodeEvent(text);
    if (event) {
      on_event(*event);
    } else {
      following.broken = event.error();
    }
  };
  const std::function<void(int)> on_head = [&](int status) {
    following.status = status;
    if (status == 200) on_open();
  };
  const std::function<bool(std::string_view)> on_data = [&](std::string_view bytes) {
    if (following.status != 200) return keepErrorBody(following.error_body, bytes);
    if (const Status fed = following.splitter.feed(bytes, on_object); !fed) following.broken = fed.error();
    return !following.broken;
  };
  net::HttpRequest request = question(eventsTarget());
  const Status ended = co_await http_.stream(std::move(request), on_head, on_data);
  if (following.status != 0 && following.status != 200) {
    co_return fail(refused(following.status, following.error_body));
  }
  if (following.broken) co_return fail(following.broken->context("event stream"));
  if (!ended) co_return fail(ended.error().context("event stream"));
  co_return fail(ErrorCode::Unavailable, "event stream: the Engine ended it");
}

}  // namespace ds01::docker::uds
