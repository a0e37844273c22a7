#include "admission/container_type.h"

#include "admission/json_access.h"

namespace ds01::admission {

std::string_view containerType(const boost::json::object& labels, std::string_view name, std::string_view user_agent) {
  // Not any devcontainer.* label: mlc sets devcontainer.workspaceFolder. Those made through compose have both.
  if (isSet(labels, "devcontainer.local_folder") || isSet(labels, "devcontainer.config_file")) return "devcontainer";
  if (isSet(labels, "com.docker.compose.project")) return "compose";
  if (name.starts_with('/')) name.remove_prefix(1);  // Docker takes "/jupyter-ada" for "jupyter-ada"
  if (isSet(labels, "hub.jupyter.org/username") || name.starts_with("jupyter-")) return "jupyter";
  if (user_agent.starts_with("Docker-Client/")) return "docker";
  return user_agent.empty() ? "unknown" : "api";
}

}  // namespace ds01::admission
