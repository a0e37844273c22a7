// A gateway on a thread of its own between a plain blocking client and a scripted Engine, both on real Unix sockets.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include <boost/asio/io_context.hpp>

#include "base/fd.h"
#include "fake_policies.h"
#include "fakes.h"
#include "gateway/gateway.h"
#include "support/fake_clock.h"
#include "support/fake_dockerd.h"
#include "support/temp_dir.h"

namespace ds01::gateway::test {

struct Reply {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // chunks joined
  std::string header(const std::string& lower_case_name) const;
};

// Reads fail after ten seconds instead of hanging the test.
class Client {
 public:
  explicit Client(const std::string& path);
  bool send(std::string_view bytes);
  // The next answer; 1xx other than 101 are skipped unless `interim`. Empty at the end of the connection or when the
  // answer breaks off.
  std::optional<Reply> read(bool to_head = false, bool interim = false);
  // GET, without a body.
  std::optional<Reply> get(const std::string& target);
  std::optional<Reply> request(const std::string& method, const std::string& target, const std::string& json = "");
  std::string readSome();                     // raw bytes as they come; "" at the end
  std::string readNow();                      // what is here already, without waiting
  std::string readExactly(std::size_t size);  // fewer at the end
  bool atEnd() { return buffer_.empty() && readSome().empty(); }
  void shutdownWrite();
  void close() { socket_.reset(); }

 private:
  std::optional<std::string> line();
  Fd socket_;
  std::string buffer_;
};

class Harness {
 public:
  explicit Harness(GatewayOptions options = {});
  explicit Harness(ds01::test::FakeDockerd::Handler engine_handler, GatewayOptions options = {});
  Harness(const Harness&) = delete;
  Harness& operator=(const Harness&) = delete;
  ~Harness();

  Client connect() const { return Client(socket_path_); }
  ds01::test::FakeDockerd& engine() { return *engine_; }
  void stopEngine() { engine_.reset(); }
  void startEngine();
  std::string enginePath() const { return dir_.file("e.sock"); }
  std::size_t connections();  // asked on the gateway's thread
  void stop();                // Gateway::stop(), and waits until all sessions have ended

  FakeIdentities identities;
  FakeOwnership ownership;
  FakeGrants grants;
  FakeSite site;
  FakePaths paths;
  FakeEngineClient engine_client;
  FakeEvents events;
  ds01::test::FakeClock clock;
  net::FairPool computing{2, 256};
  FakeImages images;
  FakePins pins;
  FakePolicies policies;

 private:
  void start(GatewayOptions options);
  void linkEngine();

  ds01::test::TempDir dir_;
  std::string socket_path_;
  std::unique_ptr<ds01::test::FakeDockerd> engine_;
  asio::io_context context_{1};
  std::unique_ptr<Gateway> gateway_;
  std::thread thread_;
};

}  // namespace ds01::gateway::test
