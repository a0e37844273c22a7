#include "ownership/index.h"

#include <utility>

namespace ds01::ownership {

bool Index::add(Record record) {
  if (isTombstone(record.id)) return false;
  if (const auto known = records_.find(record.id); known != records_.end()) unlink(known->second);
  if (!record.name.empty()) by_name_.insert_or_assign(record.name, record.id);
  if (record.owner) by_owner_[*record.owner].insert(record.id);
  ContainerId id = record.id;
  records_.insert_or_assign(std::move(id), std::move(record));
  return true;
}

bool Index::rename(const ContainerId& id, std::string name) {
  const auto known = records_.find(id);
  if (known == records_.end()) return false;
  unlink(known->second);
  known->second.name = std::move(name);
  if (!known->second.name.empty()) by_name_.insert_or_assign(known->second.name, id);
  if (known->second.owner) by_owner_[*known->second.owner].insert(id);
  return true;
}

bool Index::remove(const ContainerId& id) {
  const auto known = records_.find(id);
  std::optional<Record> last;
  if (known != records_.end()) {
    unlink(known->second);
    last = std::move(known->second);
    records_.erase(known);
  }
  const bool was_known = last.has_value();
  // `id` may be a reference into the record that has just gone; the tombstone's own copy is used from here on.
  ContainerId gone = was_known ? last->id : id;
  if (removed_.try_emplace(gone, std::move(last)).second) removal_order_.push_back(std::move(gone));
  if (removal_order_.size() > kTombstones) {
    removed_.erase(removal_order_.front());
    removal_order_.pop_front();
  }
  return was_known;
}

void Index::unlink(const Record& record) {
  // Only if the name still leads here: a newer container may have it by now.
  const auto name = by_name_.find(record.name);
  if (name != by_name_.end() && name->second == record.id) by_name_.erase(name);
  if (!record.owner) return;
  const auto owner = by_owner_.find(*record.owner);
  owner->second.erase(record.id);
  if (owner->second.empty()) by_owner_.erase(owner);
}

const Record* Index::find(const ContainerId& id) const {
  const auto known = records_.find(id);
  return known == records_.end() ? nullptr : &known->second;
}

const Record* Index::findByName(std::string_view name) const {
  const auto known = by_name_.find(name);
  return known == by_name_.end() ? nullptr : find(known->second);
}

const Record* Index::lastKnown(const ContainerId& id) const {
  if (const Record* record = find(id)) return record;
  const auto tombstone = removed_.find(id);
  return tombstone == removed_.end() || !tombstone->second ? nullptr : &*tombstone->second;
}

std::vector<const Record*> Index::byOwner(std::string_view login) const {
  std::vector<const Record*> records;
  const auto owner = by_owner_.find(login);
  if (owner == by_owner_.end()) return records;
  for (const ContainerId& id : owner->second) records.push_back(find(id));
  return records;
}

std::size_t Index::count(std::string_view login) const {
  const auto owner = by_owner_.find(login);
  return owner == by_owner_.end() ? 0 : owner->second.size();
}

std::vector<std::string> Index::owners() const {
  std::vector<std::string> logins;
  logins.reserve(by_owner_.size());
  for (const auto& [login, ids] : by_owner_) logins.push_back(login);
  return logins;
}

std::vector<ContainerId> Index::ids() const {
  std::vector<ContainerId> ids;
  ids.reserve(records_.size());
  for (const auto& [id, record] : records_) ids.push_back(id);
  return ids;
}

std::vector<const Record*> Index::all() const {
  std::vector<const Record*> records;
  records.reserve(records_.size());
  for (const auto& [id, record] : records_) records.push_back(&record);
  return records;
}

}  // namespace ds01::ownership
