#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <system_error>
#include <variant>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "authz/plugin/activation.h"
#include "authz/plugin/options.h"
#include "authz/plugin/server.h"
#include "net/notify.h"
#include "net/unix_listener.h"

namespace ds01::authz::plugin {
namespace {

namespace asio = boost::asio;
using asio::local::stream_protocol;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

int complain(const Error& error) {
  fmt::print(stderr, "ds01-authz: {}\n", error.message());
  return kExitFailed;
}

int run(const Options& options) {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("ds01-authz"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  std::error_code ignored;
  std::filesystem::create_directories(options.run_dir, ignored);  // if it is not there, the key says so

  Result<std::optional<Fd>> activated = takeActivatedSocket(environment("LISTEN_PID"), environment("LISTEN_FDS"));
  if (!activated) return complain(activated.error());
  Server server(options);
  if (const Status prepared = server.prepare(); !prepared) {
    spdlog::error("everything will be refused: {}", prepared.error().message());
  }
  std::optional<net::UnixListener> listener;
  Fd socket;
  if (*activated) {
    socket = *std::move(*activated);
  } else {
    Result<net::UnixListener> made = net::UnixListener::open({.path = options.listen_path, .mode = 0600});
    if (!made) return complain(made.error().context("--listen"));
    listener.emplace(std::move(*made));
    socket = listener->takeSocket();
  }

  asio::io_context io{1};
  stream_protocol::acceptor acceptor(io, stream_protocol(), socket.release());
  asio::signal_set signals(io, SIGTERM, SIGINT);
  signals.async_wait([&io](const boost::system::error_code&, int) { io.stop(); });
  asio::co_spawn(io, server.serve(acceptor), [&io](const std::exception_ptr& thrown) {
    if (thrown) spdlog::error("accepting connections ended by an exception");
    io.stop();
  });
  spdlog::info("answering dockerd; the key is in {}", options.run_dir.native());
  if (const Status told = net::notify(environment("NOTIFY_SOCKET"), "READY=1"); !told) {
    spdlog::warn("the service manager could not be told that we are ready: {}", told.error().message());
  }
  io.run();
  spdlog::info("stopping");
  return kExitOk;
}

}  // namespace
}  // namespace ds01::authz::plugin

int main(int argc, char** argv) {
  using namespace ds01::authz::plugin;
  try {
    const std::variant<Options, Exit> parsed = parseOptions(argc, argv);
    if (const Exit* leave = std::get_if<Exit>(&parsed)) {
      std::fputs(leave->text.c_str(), leave->status == kExitOk ? stdout : stderr);
      return leave->status;
    }
    return run(std::get<Options>(parsed));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ds01-authz: %s\n", error.what());
    return kExitFailed;
  }
}
