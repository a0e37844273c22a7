// The containers we know of, by id, name and owner. A cache of the Engine's truth: filled by inspect, kept by its
// events. Pure data, used by one thread.
//
// Answers can cross on the way: a container is inspected, destroyed, and then the inspect answer comes in. The Engine
// never uses an id again, so what was removed stays removed: the last kTombstones removed ids are remembered, add()
// ignores them, and late questions about them still find the owner.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ownership/record.h"

namespace ds01::ownership {

class Index {
 public:
  static constexpr std::size_t kTombstones = 4096;

  // New, or in place of what was known about this id. A name that another container had goes over to this one: names
  // are unique to the Engine, so the other was renamed or removed without our seeing it. False: the id was removed
  // before.
  bool add(Record record);
  // False if the id is not known.
  bool rename(const ContainerId& id, std::string name);
  // Also for ids that were never added (their inspect may still be on the way). False if the id was not known.
  bool remove(const ContainerId& id);

  // Pointers are valid until the index changes; null if unknown or removed.
  const Record* find(const ContainerId& id) const;
  const Record* findByName(std::string_view name) const;
  // As it was when it was removed, if it was; else as find().
  const Record* lastKnown(const ContainerId& id) const;
  bool isTombstone(const ContainerId& id) const { return removed_.contains(id); }

  std::vector<const Record*> byOwner(std::string_view login) const;  // ordered by id
  std::size_t count(std::string_view login) const;
  std::vector<std::string> owners() const;  // logins that have a container, sorted
  std::vector<ContainerId> ids() const;     // sorted
  std::vector<const Record*> all() const;   // ordered by id
  std::size_t size() const { return records_.size(); }

 private:
  void unlink(const Record& record);

  std::map<ContainerId, Record> records_;
  std::map<std::string, ContainerId, std::less<>> by_name_;
  std::map<std::string, std::set<ContainerId>, std::less<>> by_owner_;  // no empty sets
  std::unordered_map<ContainerId, std::optional<Record>> removed_;      // unset: removed before it was added
  std::deque<ContainerId> removal_order_;                               // oldest first, to bound removed_
};

}  // namespace ds01::ownership
