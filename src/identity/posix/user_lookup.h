// The user database of the machine (passwd and group through NSS: files, SSSD, LDAP, winbind). Blocks, for seconds when
// a directory service does not answer: never call it on the I/O thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "model/user.h"

namespace ds01::identity::posix {

// getpwuid_r(3), getgrouplist(3), getgrgid_r(3). Unset: nobody has this uid. Unavailable: the database did not say.
// Groups without a name stand in `gids` only.
Result<std::optional<User>> lookUpUser(std::uint32_t uid);

// The same by login, getpwnam_r(3). Unset also if the database knows the login under another spelling only (a directory
// service may fold case or complete a domain): what it calls the user is the login.
Result<std::optional<User>> lookUpLogin(const std::string& login);

}  // namespace ds01::identity::posix
