#include "inventory/sim/simulated.h"

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "config/check.h"
#include "config/yaml/document.h"
#include "inventory/build.h"

namespace ds01::inventory::sim {
namespace {

using config::Diagnostic;
using config::Entry;
using config::Report;
using config::Section;

template <typename T>
std::optional<T> valueOf(const Section& section, std::string_view name) {
  const Entry* entry = section.find(name);
  return entry == nullptr ? std::nullopt : std::optional(std::get<T>(entry->value));
}

template <typename T>
T require(const Section& section, std::string_view name, Report& report) {
  std::optional<T> value = valueOf<T>(section, name);
  if (!value) report.error(section.at, name, "is missing or wrong here");
  return std::move(value).value_or(T{});
}

std::vector<std::string> readNodes(const Section& section) {
  std::vector<std::string> nodes;
  const auto items = valueOf<std::vector<config::TextItem>>(section, "device_nodes");
  if (!items) return nodes;
  for (const config::TextItem& item : *items) nodes.push_back(item.text);
  return nodes;
}

MigSpec readMig(const Section& section, Report& report) {
  return {.profile = require<std::string>(section, "profile", report),
          .uuid = require<std::string>(section, "uuid", report),
          .memory_mib = valueOf<std::int64_t>(section, "memory_mib"),
          .device_nodes = readNodes(section),
          .number = std::nullopt,
          .line = section.at.line,
          .column = section.at.column};
}

GpuSpec readGpu(const Section& section, Report& report) {
  GpuSpec gpu{.index = require<std::int64_t>(section, "index", report),
              .uuid = require<std::string>(section, "uuid", report),
              .model = require<std::string>(section, "model", report),
              .memory_mib = require<std::int64_t>(section, "memory_mib", report),
              .slices = valueOf<std::int64_t>(section, "slices").value_or(7),
              .mig = std::nullopt,
              .device_nodes = readNodes(section),
              .sick = {},
              .line = section.at.line,
              .column = section.at.column};
  if (const auto instances = valueOf<std::vector<Section>>(section, "mig")) {
    gpu.mig.emplace();
    for (const Section& instance : *instances) gpu.mig->push_back(readMig(instance, report));
  }
  return gpu;
}

std::unexpected<Error> faulty(const std::vector<Diagnostic>& diagnostics) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics) {
    if (!text.empty()) text += '\n';
    text += toString(diagnostic);
  }
  return fail(ErrorCode::Malformed, std::move(text));
}

}  // namespace

Result<Inventory> loadSimulated(const std::filesystem::path& path) {
  Result<std::optional<std::string>> text = config::yaml::readFile(path);
  if (!text) return fail(text.error().context(path.string()));
  if (!*text) return fail(ErrorCode::NotFound, path.string() + ": there is no such file");
  const std::expected<config::Node, Diagnostic> root = config::yaml::parse(**text, path.string());
  if (!root) return faulty({root.error()});

  std::vector<Diagnostic> diagnostics;
  Report report(diagnostics, path.string());
  const Section file = checkFile(*root, config::Block::GpuFile, report);
  std::vector<GpuSpec> gpus;
  for (const Section& section : require<std::vector<Section>>(file, "gpus", report)) {
    gpus.push_back(readGpu(section, report));
  }
  // A key that is not known could be a misspelt one, and a GPU then has the wrong weight: no warnings here.
  if (!diagnostics.empty()) return faulty(diagnostics);

  std::expected<Inventory, std::vector<Fault>> inventory = build(gpus);
  if (inventory) return *std::move(inventory);
  for (Fault& fault : inventory.error()) {
    report.error({fault.line, fault.column}, fault.where, std::move(fault.message));
  }
  return faulty(diagnostics);
}

}  // namespace ds01::inventory::sim
