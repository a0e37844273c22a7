#include "daemon/apparmor.h"

#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

namespace ds01::daemon {

bool enforcesDockersProfile(std::string_view profiles) {
  constexpr std::string_view kLine = "docker-default (enforce)";
  while (!profiles.empty()) {
    const std::size_t end = profiles.find('\n');
    if (profiles.substr(0, end) == kLine) return true;
    profiles.remove_prefix(end == std::string_view::npos ? profiles.size() : end + 1);
  }
  return false;
}

bool confinesContainers(const AppArmorFiles& files) {
  std::error_code error;
  if (!std::filesystem::exists(files.parser, error) || !std::filesystem::exists(files.mediates, error)) return false;
  std::ifstream file(files.profiles);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return enforcesDockersProfile(text);
}

}  // namespace ds01::daemon
