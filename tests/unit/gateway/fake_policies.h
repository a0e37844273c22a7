// A policy that says what the test wants, and what it was asked. Off until `on` is set.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/parse.hpp>

#include "gateway/policies.h"

namespace ds01::gateway::test {

class FakePolicies : public Policies {
 public:
  bool any() const override { return on; }
  bool asks(policy::RequestClass what) const override { return on && (looks || what != policy::RequestClass::Look); }
  boost::asio::awaitable<std::optional<Denial>> judge(policy::RequestClass what, bool admin,
                                                      std::string input) override {
    const std::lock_guard lock(mutex);
    boost::json::object asked = boost::json::parse(input).as_object().at("input").as_object();
    const std::string path(asked.at("request").as_object().at("path").as_string());
    const std::string method(asked.at("request").as_object().at("method").as_string());
    asked["asked_as"] = std::string(toString(what)) + (admin ? " admin" : "");
    inputs.push_back(std::move(asked));
    const auto found = denials.find(method + " " + path);
    if (found == denials.end()) co_return std::nullopt;
    co_return found->second;
  }

  std::vector<boost::json::object> asked() {
    const std::lock_guard lock(mutex);
    return inputs;
  }
  void refuse(std::string method_and_path, std::string why) {
    const std::lock_guard lock(mutex);
    denials[std::move(method_and_path)] = Denial{403, "policy", std::move(why), "policy"};
  }

  std::atomic<bool> on = false;
  std::atomic<bool> looks = true;

 private:
  std::mutex mutex;
  std::vector<boost::json::object> inputs;
  std::map<std::string, Denial> denials;
};

}  // namespace ds01::gateway::test
