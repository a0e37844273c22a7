// What the configuration says about one login, and where it says so: the answer to `ds01 config show`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ds01 {

enum class ReportLayer {
  BuiltIn,    // no layer names the key
  Defaults,   // defaults of the site, or its policies
  Group,      // groups.NAME
  Override,   // of the login
  Type,       // container_types.NAME
  Engine,     // what the Docker Engine has
  Exemption,  // lifecycle-exemptions.yaml
};

struct ReportValue {
  std::string key;               // as it is documented, with its section: "aggregate.gpu_limit"; "engine.cpus"
  std::string text;              // for people: "32 GiB", "no limit"
  std::optional<double> amount;  // in `unit`; unset: no limit
  std::string unit;              // gpus, slots, cpus, bytes, seconds, percent, count, flag (0, 1)
  ReportLayer layer = ReportLayer::BuiltIn;
  std::string layer_name;  // of the group or type
  std::string file;        // empty: in no file
  std::int64_t line = 0;   // 0: no certain one
  bool binds = false;      // no other value of its topic allows less
  bool honoured = true;    // false: read and shown, but nothing acts on it yet
  std::string note;        // what else there is to know; mostly empty

  friend bool operator==(const ReportValue&, const ReportValue&) = default;
};

// The values that hold for one thing.
struct ReportTopic {
  std::string title;  // "memory of a container"
  std::vector<ReportValue> values;

  friend bool operator==(const ReportTopic&, const ReportTopic&) = default;
};

// The times that bind a container of one type.
struct ReportLifetimes {
  std::string type;
  ReportValue idle;
  ReportValue runtime;
  ReportValue hold;
  ReportValue grace;

  friend bool operator==(const ReportLifetimes&, const ReportLifetimes&) = default;
};

struct LoginReport {
  std::string login;
  std::string directory;                // of the configuration; what stands below it may be shown without it
  std::optional<std::string> archived;  // the sentence for a login that may not use the machine
  std::string group;
  std::string group_because;  // "group-overrides.txt", "members", "default_group"
  std::string group_file;     // empty: in no file
  std::int64_t group_line = 0;
  bool admin = false;  // by access_control.admin_users; membership of the Unix group is not looked at
  std::vector<ReportTopic> topics;
  std::vector<ReportLifetimes> lifetimes;

  friend bool operator==(const LoginReport&, const LoginReport&) = default;
};

}  // namespace ds01
