#include "admission/named_owner.h"

#include "admission/json_access.h"
#include "admission/mount_spec.h"

namespace ds01::admission {

namespace {

constexpr std::string_view kHomes = "/home/";

}  // namespace

std::optional<NamedOwner> namedOwner(const boost::json::object& body) {
  const boost::json::object* labels = object(body, "Labels");
  if (labels == nullptr) return std::nullopt;
  std::string_view folder = text(*labels, "devcontainer.local_folder");
  if (folder.ends_with('/')) folder.remove_suffix(1);
  // A path with dots in it would have to be followed to know whose it is.
  if (!folder.starts_with(kHomes) || cleanPath(folder) != folder) return std::nullopt;
  const std::string_view below = folder.substr(kHomes.size());
  return NamedOwner{std::string(below.substr(0, below.find('/'))), std::string(folder)};
}

bool ownsFolder(const User& user, const NamedOwner& named) {
  const std::string home = cleanPath(user.home);
  return user.uid != 0 && user.login == named.login && home != "/" && atOrBelow(named.folder, home);
}

}  // namespace ds01::admission
