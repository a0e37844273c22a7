#include "ownership/tracker.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace ds01::ownership {
namespace {

constexpr std::size_t kLongestLogin = 256;
constexpr std::size_t kLongestFolder = 4096;
constexpr std::size_t kMostSources = 8;  // each costs a process that looks
constexpr std::string_view kHomes = "/home/";
constexpr std::string_view kUidMark = "._.";

std::string label(const ContainerView& container, const std::string& key) {
  const auto found = container.labels.find(key);
  return found == container.labels.end() ? std::string() : found->second;
}

// What only the container's maker can have written; empty: nothing.
std::string makersLabel(const ContainerView& container, const ImageLabels& image, const std::string& key) {
  if (!image) return {};
  std::string value = label(container, key);
  const auto carried = image->find(key);
  if (carried != image->end() && carried->second == value) return {};
  return value;
}

bool isPlausibleLogin(std::string_view login) {
  if (login.empty() || login.size() > kLongestLogin || login == "." || login == ".." || login == "root") return false;
  return std::ranges::all_of(login, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f && c != '/' && c != ':';
  });
}

// Of a folder that is /home/LOGIN or below, as it is written; empty if it would have to be followed to know that.
std::string_view loginOfFolder(std::string_view folder) {
  if (folder.size() > kLongestFolder || folder.find('\0') != std::string_view::npos) return {};
  if (folder.ends_with('/')) folder.remove_suffix(1);
  if (!folder.starts_with(kHomes)) return {};
  folder.remove_prefix(kHomes.size());
  const std::string_view login = folder.substr(0, folder.find('/'));
  while (true) {
    const std::string_view part = folder.substr(0, folder.find('/'));
    if (part.empty() || part == "." || part == "..") return {};
    if (part.size() == folder.size()) break;
    folder.remove_prefix(part.size() + 1);
  }
  return isPlausibleLogin(login) ? login : std::string_view();
}

void addLogin(std::vector<Claim>& claims, Method method, std::string login) {
  if (isPlausibleLogin(login)) claims.push_back({.method = method, .login = std::move(login)});
}

void addFolder(std::vector<Claim>& claims, Method method, std::string folder) {
  std::string login(loginOfFolder(folder));
  if (!login.empty()) {
    claims.push_back({.method = method, .login = std::move(login), .uid = {}, .folder = std::move(folder)});
  }
}

// "train._.1001": decimal, without leading zeros, and neither root's nor (uid_t)-1.
std::optional<std::uint32_t> uidInName(std::string_view name) {
  const std::size_t mark = name.rfind(kUidMark);
  if (mark == std::string_view::npos || mark == 0) return std::nullopt;
  const std::string_view digits = name.substr(mark + kUidMark.size());
  if (digits.empty() || digits.front() < '1' || digits.front() > '9') return std::nullopt;
  std::uint32_t uid = 0;
  const char* const end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, uid);
  if (read.ec != std::errc() || read.ptr != end || uid == std::numeric_limits<std::uint32_t>::max())
    return std::nullopt;
  return uid;
}

// Folders of two logins, or all homes, say nothing about whose the container is.
void addMounts(std::vector<Claim>& claims, const ContainerView& container) {
  std::vector<Claim> found;
  for (const auto* const sources : {&container.binds, &container.bind_mounts}) {
    for (const std::string& source : *sources) {
      if (source == "/" || source == "/home" || source == "/home/") return;
      if (!source.starts_with(kHomes)) continue;
      const std::string_view login = loginOfFolder(source);
      if (login.empty() || (!found.empty() && found.front().login != login)) return;
      addFolder(found, Method::MountPath, source);
    }
  }
  if (found.size() > kMostSources) found.resize(kMostSources);
  std::ranges::move(found, std::back_inserter(claims));
}

// Whom the claim names: unset if nobody, or root.
struct Named {
  std::optional<Step> question = {};
  std::optional<User> user = {};
};

Named userOf(const Claim& claim, const Answers& answers) {
  std::optional<User> user;
  if (claim.login.empty()) {
    if (!claim.uid) return {};
    const auto known = answers.uids.find(*claim.uid);
    if (known == answers.uids.end()) return {.question = AskUid{*claim.uid}};
    user = known->second;
  } else {
    const auto known = answers.logins.find(claim.login);
    if (known == answers.logins.end()) return {.question = AskLogin{claim.login}};
    user = known->second;
  }
  if (!user || user->uid == 0 || user->login.empty()) return {};
  return {.question = {}, .user = std::move(user)};
}

}  // namespace

std::string_view toString(Method method) {
  switch (method) {
    case Method::Ds01Label:
      return "ds01_label";
    case Method::AimeLabel:
      return "aime_label";
    case Method::ContainerName:
      return "container_name";
    case Method::Devcontainer:
      return "devcontainer";
    case Method::MountPath:
      return "mount_path";
    case Method::ComposeDir:
      return "compose_dir";
    case Method::Unknown:
      break;
  }
  return "unknown";
}

bool namesTheOwner(Method method) {
  return method == Method::Ds01Label || method == Method::AimeLabel || method == Method::ContainerName;
}

std::vector<Claim> claimsOf(const ContainerView& container, const ImageLabels& image) {
  std::vector<Claim> claims;
  addLogin(claims, Method::Ds01Label, makersLabel(container, image, "ds01.user"));
  addLogin(claims, Method::AimeLabel, makersLabel(container, image, "aime.mlc.USER"));
  if (const auto uid = uidInName(container.name)) {
    claims.push_back({.method = Method::ContainerName, .login = {}, .uid = uid});
  }
  addFolder(claims, Method::Devcontainer, makersLabel(container, image, "devcontainer.local_folder"));
  addMounts(claims, container);
  addFolder(claims, Method::ComposeDir, makersLabel(container, image, "com.docker.compose.project.working_dir"));
  return claims;
}

Step track(const std::vector<Claim>& claims, const Answers& answers) {
  for (const Claim& claim : claims) {
    Named named = userOf(claim, answers);
    if (named.question) return std::move(*named.question);
    if (!named.user) continue;
    if (!claim.folder.empty()) {
      const auto known = answers.folders.find({named.user->login, claim.folder});
      if (known == answers.folders.end()) return AskFolder{std::move(*named.user), claim.folder};
      if (known->second != named.user->uid) continue;
    }
    return Tracked{.owner = named.user->login, .uid = named.user->uid, .method = claim.method};
  }
  return Tracked{};
}

std::string interfaceOf(const ContainerView& container, std::string_view type) {
  static constexpr std::array kWords{
      std::string_view("orchestration"), std::string_view("atomic"),  std::string_view("api"),
      std::string_view("docker"),        std::string_view("vscode"),  std::string_view("devcontainer"),
      std::string_view("compose"),       std::string_view("jupyter"), std::string_view("unknown")};
  if (!type.empty()) return std::string(type);
  std::string said = label(container, "ds01.interface");
  if (std::ranges::find(kWords, said) != kWords.end()) return said;
  if (label(container, "ds01.managed") == "true" || label(container, "aime.mlc.DS01_MANAGED") == "true")
    return "atomic";
  if (container.name.find(kUidMark) != std::string::npos) return "atomic";
  if (!label(container, "com.docker.compose.project").empty()) return "compose";
  // Not any devcontainer.* label: mlc sets devcontainer.workspaceFolder.
  if (container.name.starts_with("vsc-") || !label(container, "devcontainer.local_folder").empty() ||
      !label(container, "devcontainer.config_file").empty()) {
    return "devcontainer";
  }
  return "docker";
}

}  // namespace ds01::ownership
