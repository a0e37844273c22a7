// Answers dockerd on the plugin's socket.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "authz/judge.h"
#include "authz/plugin/options.h"
#include "authz/posix/key_file.h"
#include "net/http_message.h"
#include "net/http_server.h"
#include "net/real_clock.h"

namespace ds01::authz::plugin {

// At most so many lines a minute; says afterwards how many were not written.
class LineLimit {
 public:
  // How many lines were held back before this one; unset: hold this one back too.
  std::optional<std::uint64_t> pass(Moment now);

 private:
  static constexpr std::uint64_t kLines = 20;
  static constexpr Moment kEvery = std::chrono::minutes{1};
  Moment began_{};
  std::uint64_t lines_ = 0;
  std::uint64_t held_back_ = 0;
};

// One thread.
class Server {
 public:
  explicit Server(const Options& options);

  // There is a key from now on, so that ds01d signs before dockerd asks. Without one everything is refused, but for
  // break-glass, until a question finds or makes one.
  Status prepare();

  // Until the acceptor is closed. Sessions outlive it and use *this: it must live until the loop has ended.
  boost::asio::awaitable<void> serve(boost::asio::local::stream_protocol::acceptor& acceptor);

 private:
  boost::asio::awaitable<void> session(boost::asio::local::stream_protocol::socket socket);
  net::HttpReply answer(const net::HttpRequest& request);
  Verdict judge(const net::HttpRequest& request, bool before);
  Verdict cannotJudge(const Error& error);
  BreakGlass glass();
  void logVerdict(const Verdict& verdict, const Question& question, const BreakGlass& glass, bool before);

  const net::BootClock boot_{};
  const net::RealClock clock_{};
  const std::string glass_path_;
  posix::KeyFile key_;
  Judge judge_;
  LineLimit refusals_;
  LineLimit complaints_;
  std::string glass_said_;  // what was last logged of the file
  std::size_t sessions_ = 0;
};

}  // namespace ds01::authz::plugin
