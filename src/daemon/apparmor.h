// Whether dockerd can confine containers by AppArmor. Its own word for that, in SecurityOptions, says no more than that
// the kernel has AppArmor: it takes a profile of that name as it finds it, and where it finds no apparmor_parser some
// versions start nothing and others run containers unconfined. What it confines by is seen in the kernel.
#pragma once

#include <filesystem>
#include <string_view>

namespace ds01::daemon {

struct AppArmorFiles {
  std::filesystem::path profiles = "/sys/kernel/security/apparmor/profiles";  // those that are loaded
  std::filesystem::path mediates = "/sys/kernel/security/apparmor/features/ptrace";
  std::filesystem::path parser = "/sbin/apparmor_parser";  // where dockerd looks for it
};

// "NAME (MODE)" a line.
bool enforcesDockersProfile(std::string_view profiles);

// What cannot be read is not there. Takes a few system calls on files of the kernel's.
bool confinesContainers(const AppArmorFiles& files = {});

}  // namespace ds01::daemon
