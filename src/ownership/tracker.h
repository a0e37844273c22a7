// Whose a container seems to be that was not made through us: before DS01 came, or on the Engine's own socket since.
// It is tracked by what it carries. That is no proof as ownerOf() is: what follows from it is small, and stands in
// gateway/tracked_rules.h.
//
// Whoever made such a container was root. So what only its maker can have chosen is that person's word: its name, the
// sources of its binds, and labels that its image does not carry. A label that the image carries too, with the same
// value, was written by whoever built the image, perhaps to be given what root would run from it, and counts for
// nothing.
//
// Pure: each step ends with the next question to the machine, or with the answer.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "model/engine.h"
#include "model/user.h"

namespace ds01::ownership {

// In the order in which they are tried.
enum class Method {
  Ds01Label,      // ds01.user
  AimeLabel,      // aime.mlc.USER
  ContainerName,  // NAME._.UID
  Devcontainer,   // devcontainer.local_folder
  MountPath,      // sources of binds
  ComposeDir,     // com.docker.compose.project.working_dir
  Unknown,
};
// "ds01_label", …: detection_method in container-owners.json.
std::string_view toString(Method method);

// Whether the container's maker named the owner. Else it is only concluded from a folder, which many can have mounted
// or worked in.
bool namesTheOwner(Method method);

struct Tracked {
  std::optional<std::string> owner = {};  // login
  std::optional<std::uint32_t> uid = {};  // the owner's
  Method method = Method::Unknown;
  bool certain = true;  // false: something did not answer, and may later

  friend bool operator==(const Tracked&, const Tracked&) = default;
};

// One hint, not verified.
struct Claim {
  Method method = Method::Unknown;
  std::string login = {};                 // or, if empty,
  std::optional<std::uint32_t> uid = {};  // the login of this uid
  std::string folder = {};                // that must be this login's own; empty: none

  friend bool operator==(const Claim&, const Claim&) = default;
};

// What the container's image carries: Labels, or nothing if the image is not known, when no label counts.
using ImageLabels = std::optional<std::map<std::string, std::string>>;

// Well-formed ones only, in the order in which they are tried. Claims of no method can name root.
std::vector<Claim> claimsOf(const ContainerView& container, const ImageLabels& image);

// What the machine has said so far. Absent from a map: not asked yet.
struct Answers {
  std::map<std::string, std::optional<User>> logins;  // unset: there is no such login
  std::map<std::uint32_t, std::optional<User>> uids;
  // By login and folder: the uid that owns the folder, or what exists of the way to it below the login's home; unset:
  // it is not below that home, or the login may not look there.
  std::map<std::pair<std::string, std::string>, std::optional<std::uint32_t>> folders;
};

struct AskLogin {
  std::string login;
};
struct AskUid {
  std::uint32_t uid = 0;
};
struct AskFolder {
  User user;
  std::string folder;
};
using Step = std::variant<Tracked, AskLogin, AskUid, AskFolder>;

// The first claim that the answers verify; a question if one is missing for that. A login is verified if the user
// database knows it, and it is not root's; a folder if it is owned by that login's uid.
Step track(const std::vector<Claim>& claims, const Answers& answers);

// How it was made, by contracts 2.2 point 4: "atomic", "compose", "devcontainer", "docker" or, if the label
// ds01.interface says so, another of DS01's own words. `type`: label ds01.container_type of a container of ours; empty
// for others.
std::string interfaceOf(const ContainerView& container, std::string_view type);

}  // namespace ds01::ownership
