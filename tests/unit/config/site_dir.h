// A configuration directory made for one test.
#pragma once

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "config/lookup.h"
#include "config/yaml/load.h"
#include "support/temp_dir.h"

namespace ds01::config {

// Loads a directory with these files; the directory's path is cut from the diagnostics.
inline yaml::Loaded loadFiles(const std::map<std::string, std::string>& files) {
  const test::TempDir dir;
  for (const auto& [name, text] : files) dir.write(name, text);
  yaml::Loaded loaded = yaml::load(dir.path());
  for (Diagnostic& d : loaded.diagnostics) {
    if (d.file.starts_with(dir.path() + "/")) d.file.erase(0, dir.path().size() + 1);
  }
  return loaded;
}

// What toString() makes of all diagnostics of at least this severity, one a line.
inline std::string report(const yaml::Loaded& loaded, Severity least = Severity::Warning) {
  std::string text;
  for (const Diagnostic& d : loaded.diagnostics) {
    if (d.severity >= least) text += toString(d) + "\n";
  }
  return text;
}

inline std::string reportFor(const std::string& limits, Severity least = Severity::Warning) {
  return report(loadFiles({{"resource-limits.yaml", limits}}), least);
}

// The configuration, which must be without errors.
inline Config configOf(const std::map<std::string, std::string>& files) {
  const yaml::Loaded loaded = loadFiles(files);
  EXPECT_TRUE(loaded.config) << report(loaded);
  return loaded.config.value_or(Config{});
}

}  // namespace ds01::config
