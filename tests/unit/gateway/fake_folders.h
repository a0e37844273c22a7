// Folders of the host as the gateway asks about them, and their pins: nothing is looked at, nothing mounted.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "gateway/pinning.h"
#include "gateway/ports.h"

namespace ds01::gateway::test {

namespace asio = boost::asio;

class FakePaths : public Paths {
 public:
  asio::awaitable<Result<std::map<std::string, admission::BindFact>>> look(User user,
                                                                           std::vector<std::string> sources) override {
    if (away) co_return fail(ErrorCode::Timeout, "the file system does not answer");
    std::map<std::string, admission::BindFact> facts;
    for (const std::string& source : sources) {
      admission::BindFact& fact = facts[source];
      if (source == "/var/run/docker.sock") {
        fact = {.resolved = "/run/ds01/docker.sock", .warning = "another socket is mounted", .socket = true};
      } else if (source.starts_with(user.home + "/")) {
        fact = {.resolved = source, .mapped = !source.contains("/nfs/")};
      } else {
        fact = {.refusal = source + " is not below your home directory"};
      }
    }
    co_return facts;
  }
  std::atomic<bool> away = false;
};

// Pins nothing, and writes down what was asked.
class FakePins : public Pins {
 public:
  asio::awaitable<std::expected<PinHold, Denial>> hold(User owner, std::vector<admission::PinnedBind> binds,
                                                       std::vector<std::string>) override {
    const std::lock_guard lock(mutex);
    if (denial) co_return std::unexpected(*denial);
    const std::string token = std::to_string(++tokens);
    std::vector<std::string> paths;
    for (const admission::PinnedBind& bind : binds) {
      paths.push_back(dir + "/" + token + "/" + std::to_string(paths.size()));
      sources[paths.back()] = {owner.login, {bind.source, bind.bind}};
    }
    log.push_back("hold " + token);
    co_return PinHold(*this, token, std::move(paths));
  }
  asio::awaitable<std::optional<Denial>> pinAgain(ContainerId container, bool) override {
    const std::lock_guard lock(mutex);
    log.push_back("again " + container.str());
    co_return denial;
  }
  bool has(const ContainerId& container) const override {
    const std::lock_guard lock(mutex);
    return with_pins.contains(container) || with_unmapped.contains(container);
  }
  bool unmapped(const ContainerId& container) const override {
    const std::lock_guard lock(mutex);
    return with_unmapped.contains(container);
  }
  bool writable(const ContainerId& container) const override { return has(container); }
  std::optional<PinSource> sourceOf(std::string_view path, std::string_view login) const override {
    const std::lock_guard lock(mutex);
    const auto found = sources.find(std::string(path));
    if (found == sources.end() || (!login.empty() && found->second.first != login)) return std::nullopt;
    return found->second.second;
  }
  const std::string& directory() const override { return dir; }
  std::vector<std::string> told() const {
    const std::lock_guard lock(mutex);
    return log;
  }

  std::optional<Denial> denial;
  std::set<ContainerId> with_pins;
  std::set<ContainerId> with_unmapped;
  std::map<std::string, std::pair<std::string, PinSource>> sources;  // login and source, by path

 protected:
  asio::awaitable<Status> bind(std::string token, ContainerId id, std::vector<std::string>) override {
    const std::lock_guard lock(mutex);
    log.push_back("bind " + token + " " + id.str());
    co_return Status{};
  }
  void release(std::string token) override {
    const std::lock_guard lock(mutex);
    log.push_back("release " + token);
  }
  void uncertain(std::string token) override {
    const std::lock_guard lock(mutex);
    log.push_back("uncertain " + token);
  }

 private:
  mutable std::mutex mutex;
  const std::string dir = "/run/ds01/pins";
  int tokens = 0;
  std::vector<std::string> log;
};

}  // namespace ds01::gateway::test
