#include "daemon/tracker_service.h"

#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace ds01::daemon {

namespace asio = boost::asio;

namespace {

bool isSet(const ContainerView& view, const char* label) {
  const auto found = view.labels.find(label);
  return found != view.labels.end() && found->second == "true";
}

std::string typeOf(const ContainerView& view) {
  const auto found = view.labels.find("ds01.container_type");
  return found == view.labels.end() ? std::string() : found->second;
}

}  // namespace

TrackerService::TrackerService(const asio::any_io_executor& executor, TrackerParts parts)
    : parts_(std::move(parts)), wake_(executor) {}

void TrackerService::noticed(const ContainerView& view) {
  if (parts_.is_gone(view.id)) return;
  const auto known = entries_.find(view.id);
  // What a container carries does not change, but for its name and for what we know about names of slices.
  const bool same = known != entries_.end() && known->second.shown.name == view.name &&
                    known->second.shown.proven == parts_.proven_owner(view).has_value();
  if (same || to_track_.contains(view.id)) return;
  to_inspect_.erase(view.id);
  to_track_.emplace(view.id, begin(view));
  wake();
}

void TrackerService::appeared(const ContainerId& id) {
  if (entries_.contains(id) || to_track_.contains(id)) return;
  to_inspect_.insert(id);
  wake();
}

void TrackerService::renamed(const ContainerId& id, const std::string& name) {
  if (const auto known = entries_.find(id); known != entries_.end()) {
    known->second.shown.name = name;
    parts_.on_change();
  }
  // The name may have been what said whose it is, or may do so now; and a look may be under way that saw the old one.
  to_inspect_.insert(id);
  wake();
}

void TrackerService::gone(const ContainerId& id) {
  to_inspect_.erase(id);
  to_track_.erase(id);
  uncertain_.erase(id);
  unname(id);
  if (entries_.erase(id) > 0) parts_.on_change();
}

void TrackerService::lookAtAll() {
  list_all_ = true;
  wake();
}

asio::awaitable<void> TrackerService::run() {
  for (;;) {
    working_ = true;
    if (std::exchange(list_all_, false)) co_await listAll();
    while (!to_inspect_.empty() || !to_track_.empty()) {
      if (!to_track_.empty()) {
        Pending next = std::move(to_track_.begin()->second);
        to_track_.erase(to_track_.begin());
        co_await settle(std::move(next));
        continue;
      }
      ContainerId next = *to_inspect_.begin();
      to_inspect_.erase(to_inspect_.begin());
      co_await inspect(std::move(next));
    }
    working_ = false;
    if (list_all_) continue;
    if (uncertain_.empty()) {
      wake_.expires_at(asio::steady_timer::time_point::max());
    } else {
      wake_.expires_after(kBetweenTries);
    }
    boost::system::error_code woken;
    co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    if (!woken) to_inspect_.merge(std::exchange(uncertain_, {}));
  }
}

// Stopped ones too. A list that does not come is asked for again with the next connection to the Engine.
asio::awaitable<void> TrackerService::listAll() {
  std::set<ContainerId> before;
  for (const auto& [id, entry] : entries_) before.insert(id);
  std::string every_label;
  const Result<std::vector<ContainerSummary>> listed = co_await parts_.engine.listContainers(std::move(every_label));
  if (!listed) co_return;
  for (const ContainerSummary& summary : *listed) {
    before.erase(summary.id);
    if (!entries_.contains(summary.id) && !to_track_.contains(summary.id)) to_inspect_.insert(summary.id);
  }
  for (const ContainerId& id : before) gone(id);
  to_inspect_.merge(std::exchange(uncertain_, {}));
}

asio::awaitable<void> TrackerService::inspect(ContainerId id) {
  Result<ContainerView> view = co_await parts_.engine.inspectContainer(id.str());
  if (!view) {
    if (view.error().code() == ErrorCode::NotFound) {
      gone(id);
    } else {
      uncertain_.insert(id);
    }
    co_return;
  }
  // The Engine resolves names too, and a container can be named like another one's id.
  if (view->id != id || parts_.is_gone(id)) co_return;
  Pending pending = begin(*view);
  co_await settle(std::move(pending));
}

TrackerService::Pending TrackerService::begin(const ContainerView& view) const {
  Pending pending;
  pending.proven = parts_.proven_owner(view);
  const bool proven = pending.proven.has_value();
  pending.entry.shown = {.id = view.id,
                         .name = view.name,
                         .image = view.image,
                         .owner = {},
                         .proven = proven,
                         .interface = ownership::interfaceOf(view, proven ? typeOf(view) : std::string()),
                         .has_gpu = parts_.has_gpu(view) || (proven && view.labels.contains("ds01.lease")),
                         .created = view.created,
                         .noticed = parts_.clock.now()};
  pending.entry.reserved = isSet(view, "ds01.protected") || isSet(view, "ds01.monitoring");
  if (proven) return pending;
  pending.claims.name = view.name;
  pending.claims.image_id = view.image_id;
  pending.claims.labels = view.labels;
  pending.claims.binds = view.binds;
  pending.claims.bind_mounts = view.bind_mounts;
  return pending;
}

asio::awaitable<void> TrackerService::settle(Pending pending) {
  ownership::Tracked& owner = pending.entry.shown.owner;
  if (pending.proven) {
    owner = co_await prove(*pending.proven);
  } else {
    const std::optional<ownership::ImageLabels> image = co_await labelsOf(pending.claims.image_id);
    owner.certain = image.has_value();
    if (image) {
      std::vector<ownership::Claim> claims = ownership::claimsOf(pending.claims, *image);
      owner = co_await trackBy(std::move(claims));
    }
  }
  enter(std::move(pending.entry));
}

void TrackerService::enter(Entry entry) {
  const ContainerId id = entry.shown.id;
  // Whatever happened to it meanwhile is told of on its own.
  if (parts_.is_gone(id)) return;
  if (entry.shown.owner.certain) {
    uncertain_.erase(id);
  } else {
    uncertain_.insert(id);
  }
  const auto known = entries_.find(id);
  if (known != entries_.end()) {
    entry.shown.noticed = known->second.shown.noticed;
    if (known->second.shown == entry.shown && known->second.reserved == entry.reserved) return;
  }
  unname(id);
  entries_.insert_or_assign(id, std::move(entry));
  if (const std::optional<std::string> login = namedOwner(id)) named_[*login].insert(id);
  parts_.on_change();
}

void TrackerService::unname(const ContainerId& id) {
  const std::optional<std::string> login = namedOwner(id);
  const auto of_login = login ? named_.find(*login) : named_.end();
  if (of_login == named_.end()) return;
  of_login->second.erase(id);
  if (of_login->second.empty()) named_.erase(of_login);
}

asio::awaitable<ownership::Tracked> TrackerService::prove(std::string login) {
  const Result<std::optional<User>> user = co_await parts_.find_login(login);
  ownership::Tracked owner{.owner = std::move(login), .uid = {}, .method = ownership::Method::Ds01Label};
  owner.certain = user.has_value();
  if (user && *user) owner.uid = (*user)->uid;
  co_return owner;
}

// A claim that comes later must not be believed only because an earlier one could not be asked about.
asio::awaitable<ownership::Tracked> TrackerService::trackBy(std::vector<ownership::Claim> claims) {
  const ownership::Tracked not_known{.owner = {}, .uid = {}, .method = ownership::Method::Unknown, .certain = false};
  ownership::Answers answers;
  for (;;) {
    ownership::Step step = ownership::track(claims, answers);
    if (const auto* login = std::get_if<ownership::AskLogin>(&step)) {
      Result<std::optional<User>> user = co_await parts_.find_login(login->login);
      if (!user) co_return not_known;
      answers.logins.emplace(login->login, std::move(*user));
    } else if (const auto* uid = std::get_if<ownership::AskUid>(&step)) {
      Result<std::optional<User>> user = co_await parts_.find_uid(uid->uid);
      if (!user) co_return not_known;
      answers.uids.emplace(uid->uid, std::move(*user));
    } else if (const auto* folder = std::get_if<ownership::AskFolder>(&step)) {
      const Result<std::optional<std::uint32_t>> owner = co_await parts_.folder_owner(folder->user, folder->folder);
      if (!owner) co_return not_known;
      answers.folders.emplace(std::pair(folder->user.login, folder->folder), *owner);
    } else {
      co_return std::get<ownership::Tracked>(std::move(step));
    }
  }
}

// Unset: the Engine did not say. An image that is gone is one of which nothing is known.
asio::awaitable<std::optional<ownership::ImageLabels>> TrackerService::labelsOf(std::string image_id) {
  if (image_id.empty()) co_return ownership::ImageLabels();
  Result<ImageView> image = co_await parts_.engine.inspectImage(std::move(image_id));
  if (image) co_return ownership::ImageLabels(std::move(image->labels));
  const ErrorCode code = image.error().code();
  if (code == ErrorCode::NotFound || code == ErrorCode::InvalidArgument) co_return ownership::ImageLabels();
  co_return std::nullopt;
}

std::optional<std::string> TrackerService::namedOwner(const ContainerId& id) const {
  const auto known = entries_.find(id);
  if (known == entries_.end()) return std::nullopt;
  const auto& [shown, reserved] = known->second;
  if (shown.proven || reserved || !ownership::namesTheOwner(shown.owner.method)) return std::nullopt;
  return shown.owner.owner;
}

std::vector<ContainerId> TrackerService::namedFor(std::string_view login) const {
  const auto of_login = named_.find(login);
  if (of_login == named_.end()) return {};
  return {of_login->second.begin(), of_login->second.end()};
}

const ownership::DocumentEntry* TrackerService::find(const ContainerId& id) const {
  const auto known = entries_.find(id);
  return known == entries_.end() ? nullptr : &known->second.shown;
}

std::vector<ownership::DocumentEntry> TrackerService::all() const {
  std::vector<ownership::DocumentEntry> out;
  out.reserve(entries_.size());
  for (const auto& [id, entry] : entries_) out.push_back(entry.shown);
  return out;
}

}  // namespace ds01::daemon
