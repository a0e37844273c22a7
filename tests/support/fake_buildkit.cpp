#include "support/fake_buildkit.h"

#include <cstdint>
#include <string_view>

#include "buildkit/grpc.h"
#include "buildkit/http2/http2_side.h"

namespace ds01::test {

using buildkit::Headers;
using buildkit::Http2Side;
using buildkit::StreamId;

namespace {

// A SolveResponse.
std::string answerWith(const std::string& id) {
  const auto field = [](int number, std::string_view text) {
    return std::string{static_cast<char>(number * 8 + 2), static_cast<char>(text.size())} + std::string(text);
  };
  return field(1, field(1, "containerimage.digest") + field(2, id));
}

// One connection, one build.
class BuildKit final : public buildkit::Http2Events {
 public:
  BuildKit(BuildKitScript& script, FakeDockerd::Connection& peer) : script_(script), peer_(peer) {}

  void serve() {
    flush();
    for (std::string bytes = peer_.readSome(); !bytes.empty(); bytes = peer_.readSome()) {
      if (!side_.receive(bytes)) return;
      flush();
    }
  }

 private:
  void flush() {
    for (std::string out = side_.take(65536); !out.empty(); out = side_.take(65536)) peer_.send(out);
  }
  void begin(StreamId id) { side_.respond(id, {{":status", "200"}, {"content-type", "application/grpc"}}, false); }

  void onHeaders(Http2Side& /*side*/, StreamId id, Headers headers, bool /*end*/) override {
    (buildkit::valueOf(headers, ":path").ends_with("/Solve") ? solve_ : status_) = id;
  }
  void onData(Http2Side& side, StreamId id, std::string_view piece) override {
    side.consumed(id, piece.size());
    (id == solve_ ? solve_body_ : status_body_) += piece;
  }
  void onEnd(Http2Side& /*side*/, StreamId id) override {
    if (id == solve_) return;  // Status comes after it
    {
      const std::lock_guard lock(script_.mutex);
      script_.solves.push_back(buildkit::readSolve(buildkit::oneMessage(solve_body_).value()).value());
      script_.followed.push_back(buildkit::readStatus(buildkit::oneMessage(status_body_).value()).value());
    }
    script_.on_solve();
    begin(status_);
    for (const std::string& message : script_.status) side_.write(status_, buildkit::framed(message));
    if (script_.endless) return;
    begin(solve_);
    if (script_.code == "0") side_.write(solve_, buildkit::framed(answerWith(BuildKitScript::image())));
    side_.finish(solve_, {{"grpc-status", script_.code}, {"grpc-message", buildkit::percentEncoded(script_.text)}});
    side_.finish(status_, {{"grpc-status", "0"}});
  }
  void onClosed(Http2Side& /*side*/, StreamId id, std::uint32_t error) override {
    constexpr std::uint32_t kCancel = 8;
    if (id != solve_ || error != kCancel) return;
    script_.cancelled.set_value();
    script_.stopped.get_future().wait();
    side_.finish(status_, {{"grpc-status", "0"}});
  }
  void onWritten(Http2Side& /*side*/, StreamId /*id*/, std::size_t /*bytes*/) override {}

  BuildKitScript& script_;
  FakeDockerd::Connection& peer_;
  Http2Side side_{Http2Side::Role::Server, *this};
  StreamId solve_ = 0;
  StreamId status_ = 0;
  std::string solve_body_;
  std::string status_body_;
};

}  // namespace

void serveBuildKit(BuildKitScript& script, FakeDockerd::Connection& peer) {
  for (auto request = peer.read(); request; request = peer.read()) {
    {
      const std::lock_guard lock(script.mutex);
      script.requests.push_back(request->method + " " + request->target);
    }
    if (request->target == "/session") {
      peer.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
      peer.waitForClose();
      return;
    }
    if (request->target != "/grpc") {
      peer.reply(200, "{}");
    } else if (script.upgrade != 101) {
      peer.reply(script.upgrade, "{}");
    } else {
      if (request->header("upgrade") != "h2c") return;
      peer.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
      BuildKit(script, peer).serve();
      return;
    }
  }
}

}  // namespace ds01::test
