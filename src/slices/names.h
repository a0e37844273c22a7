// Names of the systemd slices that carry a user's limits: ds01.slice → ds01-GROUP.slice → ds01-GROUP-USER.slice. In a
// slice name every hyphen is a level of nesting, so neither part may contain one.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ds01::slices {

// The USER (or GROUP) part of a slice name: what stands before the first "@", everything outside [A-Za-z0-9_:] as "_",
// runs of "_" as one and none at the ends; names over 32 characters are cut to 27 and get "_" and four hex digits of
// the MD5 of the whole login. Several logins can have one slice name (a.b and a-b, u@x and u@y). InvalidArgument if
// nothing is left.
Result<std::string> sanitise(std::string_view login);

// The USER part for a login whose usual one another login has: the usual one, cut to 27, "_" and this many hex digits
// (4 to 32) of the MD5 of the whole login.
Result<std::string> sanitiseWithHash(std::string_view login, std::size_t hash_digits);

enum class CgroupDriver { Systemd, Cgroupfs };

// What HostConfig.CgroupParent must be for the Engine's cgroup driver: "ds01-GROUP-USER.slice", or for cgroupfs
// "/ds01.slice/ds01-GROUP.slice/ds01-GROUP-USER.slice". `user_part` is that of NameMap: it names one login only.
Result<std::string> cgroupParent(CgroupDriver driver, std::string_view group, std::string_view user_part);

// Where the steps of a user's builds run: one level below the user's slice, so that the user's limits hold, and never a
// place that userPartOf() knows: a build step carries its base image's labels, so it must not pass for a
// container that we admitted. `parent` is what cgroupParent() gave.
std::string buildCgroupParent(std::string_view parent);

// The USER part of a HostConfig.CgroupParent that cgroupParent() gave, in whichever group the login was then; both
// drivers' forms are known. Unset: it is none of ours.
std::optional<std::string> userPartOf(std::string_view cgroup_parent);

}  // namespace ds01::slices
