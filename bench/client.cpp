// ds01-bench: what clients of a Docker socket do, timed at several peers in turn. bench/run calls it and makes tables
// of what it prints. Rounds are interleaved: in each round every peer has its turn, and the order is reversed from one
// round to the next, so that what drifts touches all alike.
#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <poll.h>

#include "connection.h"

namespace ds01::bench {
namespace {

namespace json = boost::json;
using Micros = std::chrono::duration<double, std::micro>;

struct Peer {
  std::string name;
  std::string socket;
};

struct Settings {
  std::vector<std::string> peers;  // NAME=PATH
  std::size_t rounds = 30;
  std::size_t count = 1;  // samples in each round
  std::string target = "/_ping";
  std::string method = "PUT";
  std::string file;
  std::string type = "application/x-tar";
  std::vector<std::string> bodies;  // NAME=JSON
  bool fresh = false;
  bool upgrade = false;
  std::uint64_t bytes = 0;
  unsigned expected = 200;
};

std::pair<std::string, std::string> split(const std::string& text) {
  const std::size_t at = text.find('=');
  if (at == std::string::npos) throw std::runtime_error("expected NAME=VALUE: " + text);
  return {text.substr(0, at), text.substr(at + 1)};
}

std::vector<Peer> peersOf(const Settings& settings) {
  std::vector<Peer> peers;
  for (const std::string& text : settings.peers) {
    auto [name, socket] = split(text);
    peers.push_back({std::move(name), std::move(socket)});
  }
  return peers;
}

std::string readFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw std::runtime_error("cannot read " + path);
  return std::move(text).str();
}

void expect(const Answer& answer, unsigned status, std::string_view what) {
  if (answer.status == status) return;
  throw std::runtime_error(fmt::format("{}: {} {}", what, answer.status, answer.body.substr(0, 500)));
}

double timed(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return Micros(std::chrono::steady_clock::now() - begin).count();
}

// `sample` of a peer gives one time in microseconds. All times are printed: {peer: [[round's times], …]}.
void measure(const Settings& settings, const std::vector<Peer>& peers,
             const std::function<double(const Peer&)>& sample) {
  std::map<std::string, json::array> times;
  std::vector<const Peer*> order;
  for (const Peer& peer : peers) order.push_back(&peer);
  for (std::size_t round = 0; round < settings.rounds; ++round) {
    for (const Peer* const peer : order) {
      json::array in_round;
      for (std::size_t i = 0; i < settings.count; ++i) in_round.emplace_back(sample(*peer));
      times[peer->name].push_back(std::move(in_round));
    }
    std::ranges::reverse(order);
  }
  json::object out;
  for (auto& [name, rounds] : times) out[name] = std::move(rounds);
  std::cout << json::serialize(out) << '\n';
}

// One small request, on a connection that is kept or on a new one.
void requests(const Settings& settings) {
  const std::vector<Peer> peers = peersOf(settings);
  std::map<std::string, Connection> kept;
  if (!settings.fresh) {
    for (const Peer& peer : peers) kept.try_emplace(peer.name, peer.socket);
  }
  const auto once = [&settings](Connection& connection) {
    expect(connection.ask("GET", settings.target), settings.expected, settings.target);
  };
  const std::function<double(const Peer&)> sample = [&](const Peer& peer) {
    if (!settings.fresh) return timed([&] { once(kept.at(peer.name)); });
    return timed([&] {
      Connection connection(peer.socket);
      once(connection);
    });
  };
  for (const Peer& peer : peers) sample(peer);  // not counted: what is made once
  measure(settings, peers, sample);
}

// Create, start and wait; the removal is not timed.
void containers(const Settings& settings) {
  std::map<std::string, std::string> bodies;
  for (const std::string& text : settings.bodies) bodies.insert(split(text));
  const std::vector<Peer> peers = peersOf(settings);
  const std::function<double(const Peer&)> sample = [&](const Peer& peer) {
    Connection connection(peer.socket);
    const std::string& body = bodies.at(peer.name);
    std::string id;
    const double time = timed([&] {
      const Answer made = connection.ask("POST", "/v1.41/containers/create", body);
      expect(made, 201, peer.name + ": create");
      id = json::parse(made.body).at("Id").as_string().c_str();
      expect(connection.ask("POST", "/v1.41/containers/" + id + "/start"), 204, peer.name + ": start");
      expect(connection.ask("POST", "/v1.41/containers/" + id + "/wait"), 200, peer.name + ": wait");
    });
    expect(connection.ask("DELETE", "/v1.41/containers/" + id + "?force=1"), 204, peer.name + ": remove");
    return time;
  };
  for (const Peer& peer : peers) sample(peer);
  measure(settings, peers, sample);
}

void uploads(const Settings& settings) {
  const std::string body = readFile(settings.file);
  const std::function<double(const Peer&)> sample = [&](const Peer& peer) {
    Connection connection(peer.socket);
    return timed([&] {
      expect(connection.ask(settings.method, settings.target, body, settings.type), settings.expected,
             peer.name + ": " + settings.target);
    });
  };
  measure(settings, peersOf(settings), sample);
}

void downloads(const Settings& settings) {
  const std::function<double(const Peer&)> sample = [&](const Peer& peer) {
    Connection connection(peer.socket);
    return timed([&] {
      const std::uint64_t bytes = connection.download(settings.target, settings.expected);
      if (bytes < settings.bytes) {
        throw std::runtime_error(fmt::format("{}: {}: only {} bytes", peer.name, settings.target, bytes));
      }
    });
  };
  measure(settings, peersOf(settings), sample);
}

// So many streams at once, open until standard input ends. Says "open" when all are, and have sent `bytes` each.
void streams(const Settings& settings) {
  const Peer peer = peersOf(settings).at(0);
  std::vector<std::unique_ptr<Connection>> open;
  for (std::size_t i = 0; i < settings.count; ++i) {
    open.push_back(std::make_unique<Connection>(peer.socket));
    open.back()->openStream(settings.method, settings.target, settings.upgrade);
  }
  for (const auto& connection : open) connection->readStream(settings.bytes);
  std::cout << "open" << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
  }
}

// When, by CLOCK_MONOTONIC in nanoseconds, the peer first answered a ping. Asks again at once while there is nobody.
void first(const Settings& settings) {
  const Peer peer = peersOf(settings).at(0);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::chrono::steady_clock::now() < deadline) {
    try {
      Connection connection(peer.socket);
      if (connection.ask("GET", settings.target).status == settings.expected) {
        std::cout << std::chrono::steady_clock::now().time_since_epoch().count() << '\n';
        return;
      }
    } catch (const boost::system::system_error&) {
      ::poll(nullptr, 0, 1);
    }
  }
  throw std::runtime_error("no answer from " + peer.socket);
}

int run(int argc, char** argv) {
  Settings settings;
  CLI::App app("Times what clients of a Docker socket do");
  app.require_subcommand(1);
  const std::map<std::string, void (*)(const Settings&)> modes{{"requests", requests}, {"containers", containers},
                                                               {"uploads", uploads},   {"downloads", downloads},
                                                               {"streams", streams},   {"first", first}};
  for (const auto& [name, mode] : modes) {
    CLI::App* const verb = app.add_subcommand(name);
    verb->add_option("--peer", settings.peers, "NAME=SOCKET")->required();
    verb->add_option("--rounds", settings.rounds);
    verb->add_option("--count", settings.count);
    verb->add_option("--target", settings.target);
    verb->add_option("--method", settings.method);
    verb->add_option("--file", settings.file);
    verb->add_option("--type", settings.type);
    verb->add_option("--body", settings.bodies, "NAME=JSON");
    verb->add_flag("--fresh", settings.fresh, "a new connection for each request");
    verb->add_flag("--upgrade", settings.upgrade);
    verb->add_option("--bytes", settings.bytes);
    verb->add_option("--expected", settings.expected, "status");
  }
  CLI11_PARSE(app, argc, argv);
  modes.at(app.get_subcommands().front()->get_name())(settings);
  return 0;
}

}  // namespace
}  // namespace ds01::bench

int main(int argc, char** argv) {
  try {
    return ds01::bench::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "ds01-bench: " << error.what() << '\n';
    return 1;
  }
}
