#include "ownership/owner.h"

#include <utility>

namespace ds01::ownership {
namespace {

std::string label(const ContainerView& container, const std::string& key) {
  const auto found = container.labels.find(key);
  return found == container.labels.end() ? std::string{} : found->second;
}

}  // namespace

std::optional<std::string> ownerOf(const ContainerView& container, const SliceCheck& slice_belongs_to) {
  std::string login = label(container, "ds01.user");
  if (login.empty() || container.cgroup_parent.empty()) return std::nullopt;
  if (!slice_belongs_to(container.cgroup_parent, login)) return std::nullopt;
  return login;
}

Record recordOf(const ContainerView& container, std::optional<std::string> owner) {
  Record record{.id = container.id,
                .name = container.name,
                .image = container.image,
                .created = container.created,
                .type = {},
                .owner = std::move(owner),
                .lease = {}};
  if (!record.owner) return record;
  record.type = label(container, "ds01.container_type");
  record.made_by = label(container, "ds01.made_by");
  record.confined = label(container, "ds01.confined_by") == "apparmor";
  if (std::string lease = label(container, "ds01.lease"); !lease.empty()) record.lease = LeaseId(std::move(lease));
  return record;
}

}  // namespace ds01::ownership
