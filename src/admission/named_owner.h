// Whom the folder of a dev container names, when a program that acts for others makes it.
#pragma once

#include <optional>
#include <string>

#include <boost/json/object.hpp>

#include "model/user.h"

namespace ds01::admission {

struct NamedOwner {
  std::string login;   // with its domain, as it stands in the path
  std::string folder;  // absolute and clean
};

// From the request's label devcontainer.local_folder, if that is /home/LOGIN or below. It says nothing about whether
// there is such a user, and nothing at all when an ordinary user is calling: anybody can write a label.
std::optional<NamedOwner> namedOwner(const boost::json::object& body);

// Whether the folder is this user's, who is not root: below the home that the user database says, wherever that is.
bool ownsFolder(const User& user, const NamedOwner& named);

}  // namespace ds01::admission
