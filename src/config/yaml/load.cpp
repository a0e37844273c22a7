#include "config/yaml/load.h"

#include <algorithm>
#include <system_error>

#include "config/compile.h"
#include "config/yaml/document.h"

namespace ds01::config::yaml {
namespace {

namespace fs = std::filesystem;

class Reader {
 public:
  explicit Reader(std::vector<Diagnostic>& out) : out_(out) {}

  std::optional<YamlFile> yaml(const fs::path& path) {
    std::optional<std::string> text = read(path);
    if (!text) return std::nullopt;
    std::expected<Node, Diagnostic> root = parse(*text, path.string());
    if (root) return YamlFile{path.string(), *std::move(root)};
    out_.push_back(std::move(root).error());
    return std::nullopt;
  }

  std::optional<ListFile> list(const fs::path& path) {
    std::optional<std::string> text = read(path);
    if (!text) return std::nullopt;
    return ListFile{path.string(), path.stem().string(), *std::move(text)};
  }

  std::vector<ListFile> members(const fs::path& dir) {
    std::vector<fs::path> paths;
    std::error_code failure;
    for (fs::directory_iterator entry(dir, failure), end; !failure && entry != end; entry.increment(failure)) {
      if (entry->path().extension() == ".members") {
        paths.push_back(entry->path());
      } else {
        Report(out_, entry->path().string()).note({}, "", "is not read: files with members end in .members");
      }
    }
    if (failure && failure != std::errc::no_such_file_or_directory) {
      Report(out_, dir.string()).error({}, "", "cannot be read: " + failure.message());
    }
    std::ranges::sort(paths);
    std::vector<ListFile> files;
    for (const fs::path& path : paths) {
      if (std::optional<ListFile> file = list(path)) files.push_back(*std::move(file));
    }
    return files;
  }

 private:
  std::optional<std::string> read(const fs::path& path) {
    Result<std::optional<std::string>> text = readFile(path);
    if (text) return *std::move(text);
    Report(out_, path.string()).error({}, "", text.error().message());
    return std::nullopt;
  }

  std::vector<Diagnostic>& out_;  // the caller's, outlives this
};

}  // namespace

Loaded load(const fs::path& dir) {
  Loaded loaded;
  Reader reader(loaded.diagnostics);
  const Sources sources{.limits = reader.yaml(dir / "resource-limits.yaml"),
                        .user_overrides = reader.yaml(dir / "user-overrides.yaml"),
                        .exemptions = reader.yaml(dir / "lifecycle-exemptions.yaml"),
                        .daemon = reader.yaml(dir / "ds01d.yaml"),
                        .group_overrides = reader.list(dir / "group-overrides.txt"),
                        .members = reader.members(dir / "groups")};
  if (!sources.limits && !hasErrors(loaded.diagnostics)) {
    Report(loaded.diagnostics, (dir / "resource-limits.yaml").string())
        .error({}, "", "is missing; it holds the limits, and there is no DS01 without it");
  }
  Compiled compiled = compile(sources);
  std::ranges::move(compiled.diagnostics, std::back_inserter(loaded.diagnostics));
  if (!hasErrors(loaded.diagnostics)) loaded.config = std::move(compiled.config);
  return loaded;
}

}  // namespace ds01::config::yaml
