#include "daemon/pin_service.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "daemon/background.h"
#include "mounts/container_user.h"
#include "net/random_id.h"

namespace ds01::daemon {

namespace asio = boost::asio;
using mounts::pins::Found;
using mounts::pins::Job;
using mounts::pins::Report;

namespace {

constexpr std::size_t kTokenBytes = 16;
constexpr std::chrono::milliseconds kDiskLimit{10'000};
constexpr std::chrono::seconds kInOrderWithin{20};  // what is not mounted by then does not keep the sockets closed
constexpr std::size_t kMostGone = 256;

Denial denialOf(const Error& error) {
  switch (error.code()) {
    case ErrorCode::PermissionDenied:
      return {403, "bind", error.message()};
    case ErrorCode::NotFound:
      return {400, "bind_missing", error.message()};
    case ErrorCode::Conflict:
      return {409, "bind_changed", error.message()};
    default:
      return {503, "bind_pin", fmt::format("a folder cannot be mounted now: {}", error.message())};
  }
}

Status outcomeOf(const Result<Report>& report) {
  if (!report) return fail(report.error());
  for (const Found& found : report->found) {
    if (found.error) return fail(*found.error);
  }
  return {};
}

// What denialOf() answers with 503.
bool isUnanswered(const Error& error) {
  return error.code() == ErrorCode::Timeout || error.code() == ErrorCode::Unavailable || error.code() == ErrorCode::Io;
}

bool sameIds(const User& a, const User& b) {
  return a.uid == b.uid && a.gid == b.gid && a.gids == b.gids;
}

std::string pinPath(const std::string& directory, const std::string& token, std::size_t number) {
  return fmt::format("{}/{}/{}", directory, token, number);
}

Error noLogin(const std::string& login) {
  return {ErrorCode::PermissionDenied, fmt::format("the user database no longer knows {}", login)};
}

}  // namespace

PinService::PinService(asio::any_io_executor executor, PinParts parts, PinSettings settings)
    : executor_(std::move(executor)), parts_(std::move(parts)), settings_(std::move(settings)) {}

void PinService::restore(std::vector<mounts::PinRecord> records) {
  for (mounts::PinRecord& record : records) {
    std::string token = record.token;
    entries_.emplace(std::move(token), Entry{.record = std::move(record)});
  }
}

Job PinService::jobFor(Job::What what) const {
  Job job;
  job.what = what;
  job.roots = roots_;
  job.listen = settings_.listen;
  job.engine = settings_.engine;
  job.directory = settings_.directory;
  return job;
}

std::size_t PinService::pinsOf(const std::string& login) const {
  std::size_t pins = 0;
  for (const auto& [token, entry] : entries_) {
    if (entry.record.login == login) pins += entry.record.sources.size();
  }
  return pins;
}

asio::awaitable<std::expected<gateway::PinHold, Denial>> PinService::hold(User owner,
                                                                          std::vector<admission::PinnedBind> binds,
                                                                          std::vector<std::string> users) {
  if (pinsOf(owner.login) + binds.size() > kMostPins) {
    co_return std::unexpected(
        Denial{409, "too_many_binds",
               fmt::format("your containers have {} folders mounted, and more than {} are too many; remove some "
                           "containers first",
                           pinsOf(owner.login), kMostPins)});
  }
  Entry entry{.in_flight = true};
  entry.record.token = net::randomHex(kTokenBytes);
  entry.record.login = owner.login;
  bool all_mapped = true;
  for (admission::PinnedBind& bind : binds) {
    all_mapped = all_mapped && bind.mapped;
    entry.record.sources.push_back({.source = std::move(bind.source),
                                    .bind = std::move(bind.bind),
                                    .create = bind.create,
                                    .read_only = bind.read_only,
                                    .mapped = bind.mapped});
  }
  // Who runs as the owner sees the owner's ids as they are, in mapped folders too.
  if (!all_mapped) entry.record.view = {owner.uid, owner.gid};
  if (all_mapped && !users.empty())
    entry.record.view = mounts::idsOfPlainUser(users.front()).value_or(mounts::ViewIds{});
  const std::string token = entry.record.token;
  const std::size_t count = entry.record.sources.size();
  entries_.emplace(token, std::move(entry));

  Status pinned = co_await save(token);
  if (!pinned) {
    entries_.erase(token);
    spdlog::error("which folders a container mounts is not on disk: {}", pinned.error().message());
    co_return std::unexpected(Denial{503, "pins_unwritable",
                                     "which folders a container mounts could not be written to disk, so nothing was "
                                     "started; tell your administrator"});
  }
  pinned = co_await mount(token, std::move(owner));
  if (!pinned) {
    drop(token);
    co_return std::unexpected(denialOf(pinned.error()));
  }
  std::vector<std::string> paths;
  paths.reserve(count);
  for (std::size_t number = 0; number < count; ++number) paths.push_back(pinPath(directory(), token, number));
  co_return gateway::PinHold(*this, token, std::move(paths));
}

// The entry is looked up anew after each wait: its container may have gone.
asio::awaitable<Status> PinService::mount(std::string token, User user) {
  const auto before = entries_.find(token);
  if (before == entries_.end()) co_return fail(ErrorCode::NotFound, "the container has gone");
  const mounts::PinRecord record = before->second.record;
  Job job = jobFor(Job::What::Pin);
  job.view = record.view;
  job.keep_same = before->second.mounted_as && sameIds(*before->second.mounted_as, user) &&
                  before->second.mounted_view == record.view;
  for (std::size_t number = 0; number < record.sources.size(); ++number) {
    const mounts::PinnedSource& source = record.sources[number];
    job.steps.push_back({.source = source.source,
                         .pin = pinPath(directory(), token, number),
                         .create = source.create,
                         .read_only = source.read_only,
                         .map = source.mapped});
  }
  job.user = user;
  const Result<Report> report = co_await parts_.helper.run(std::move(job));
  const Status pinned = outcomeOf(report);
  if (!pinned) {
    if (isUnanswered(pinned.error())) parts_.on_unanswered(pinned.error().message());
    co_return pinned;
  }
  const auto after = entries_.find(token);
  if (after == entries_.end() || after->second.dropped) {
    runBeside(executor_, unmount(token), "unmount the folders of a container that has gone");
    co_return fail(ErrorCode::NotFound, "the container has gone");
  }
  after->second.mounted_as = std::move(user);
  after->second.mounted_view = record.view;
  co_return Status{};
}

// As whoever the user database says that the owner is by now.
asio::awaitable<Status> PinService::mountFor(std::string token) {
  const auto entry = entries_.find(token);
  if (entry == entries_.end()) co_return Status{};
  const std::string login = entry->second.record.login;
  const Result<std::optional<User>> user = co_await parts_.find_user(login);
  if (!user) co_return fail(ErrorCode::Unavailable, user.error().message());
  if (!*user) co_return fail(noLogin(login));
  User owner = **user;
  co_return co_await mount(std::move(token), std::move(owner));
}

asio::awaitable<Status> PinService::save(std::string token) {
  const auto entry = entries_.find(token);
  if (entry == entries_.end()) co_return fail(ErrorCode::NotFound, "the container has gone");
  std::function<Result<bool>()> write = [files = settings_.files, record = entry->second.record]() -> Result<bool> {
    const Status written = files.write(record);
    if (!written) return fail(written.error());
    return true;
  };
  const Result<bool> written = co_await parts_.disk.run<bool>(std::move(write), kDiskLimit);
  if (!written) co_return fail(written.error());
  co_return Status{};
}

asio::awaitable<Status> PinService::bind(std::string token, ContainerId id, std::vector<std::string> users) {
  const auto found = entries_.find(token);
  if (found == entries_.end()) co_return Status{};
  Entry& entry = found->second;
  entry.in_flight = false;
  if (std::ranges::find(gone_, id) != gone_.end()) {
    drop(token);
    co_return Status{};
  }
  entry.container = id;
  containers_[id] = token;
  const std::optional<User> owner = entry.mounted_as;
  const bool all_mapped = std::ranges::all_of(entry.record.sources, &mounts::PinnedSource::mapped);
  const bool plain = !users.empty() && mounts::idsOfPlainUser(users.front()).has_value();
  if (!all_mapped || plain || !owner) co_return Status{};
  const std::optional<mounts::ViewIds> ids = co_await idsIn(std::move(id), std::move(users));
  if (!ids) co_return Status{};
  const auto again = entries_.find(token);
  if (again == entries_.end() || again->second.record.view == *ids) co_return Status{};
  again->second.record.view = *ids;
  const Status saved = co_await save(token);
  if (!saved) co_return saved;
  User user = *owner;
  co_return co_await mount(std::move(token), std::move(user));
}

// Of the first of `users` that the container's own files know.
asio::awaitable<std::optional<mounts::ViewIds>> PinService::idsIn(ContainerId id, std::vector<std::string> users) {
  std::string passwd_path = "/etc/passwd";
  std::string group_path = "/etc/group";
  const Result<std::string> passwd = co_await parts_.engine.readFile(id, std::move(passwd_path));
  const Result<std::string> group = co_await parts_.engine.readFile(id, std::move(group_path));
  for (const std::string& user : users) {
    const auto ids = mounts::idsOfUser(user, passwd.value_or(""), group.value_or(""));
    if (ids) co_return ids;
  }
  co_return std::nullopt;
}

bool PinService::has(const ContainerId& container) const {
  return containers_.contains(container) || lost_.contains(container) || unpinned_.contains(container);
}

asio::awaitable<std::optional<Denial>> PinService::pinAgain(ContainerId container, bool admin) {
  if (unpinned_.contains(container) && !admin) {
    co_return Denial{409, "pins_missing",
                     "this container mounts folders in a way that is no longer open here; remove it and make it anew"};
  }
  if (lost_.contains(container)) {
    co_return Denial{409, "pins_lost",
                     "which folders this container mounts is not known any more; remove it and make it anew"};
  }
  const auto token = containers_.find(container);
  if (token == containers_.end()) co_return std::nullopt;
  std::string which = token->second;
  const Status mounted = co_await mountFor(std::move(which));
  if (!mounted) co_return denialOf(mounted.error());
  co_return std::nullopt;
}

const PinService::Entry* PinService::entryOf(const ContainerId& container) const {
  const auto token = containers_.find(container);
  const auto entry = token == containers_.end() ? entries_.end() : entries_.find(token->second);
  return entry == entries_.end() ? nullptr : &entry->second;
}

bool PinService::unmapped(const ContainerId& container) const {
  if (lost_.contains(container)) return true;
  const Entry* entry = entryOf(container);
  return entry != nullptr && !std::ranges::all_of(entry->record.sources, &mounts::PinnedSource::mapped);
}

bool PinService::writable(const ContainerId& container) const {
  if (lost_.contains(container)) return true;
  const Entry* entry = entryOf(container);
  return entry != nullptr && !std::ranges::all_of(entry->record.sources, &mounts::PinnedSource::read_only);
}

std::optional<gateway::PinSource> PinService::sourceOf(std::string_view path, std::string_view login) const {
  if (!path.starts_with(directory()) || path.size() == directory().size() || path[directory().size()] != '/') {
    return std::nullopt;
  }
  path.remove_prefix(directory().size() + 1);
  const std::size_t slash = path.find('/');
  const auto entry = entries_.find(path.substr(0, slash));
  if (slash == std::string_view::npos || entry == entries_.end()) return std::nullopt;
  const mounts::PinRecord& record = entry->second.record;
  if (!login.empty() && record.login != login) return std::nullopt;
  for (std::size_t number = 0; number < record.sources.size(); ++number) {
    if (path.substr(slash + 1) != std::to_string(number)) continue;
    return gateway::PinSource{record.sources[number].source, record.sources[number].bind};
  }
  return std::nullopt;
}

void PinService::noticed(const ContainerView& view) {
  const std::string below = directory() + "/";
  // All that we make since then carry the label.
  const auto excused = view.labels.find(std::string(admission::kExcused));
  const bool watched = excused != view.labels.end() && excused->second.find("mounts") != std::string::npos;
  const bool before = watched || !view.labels.contains(std::string(admission::kRunsAs));
  const bool of_user = view.labels.contains("ds01.user");
  const auto is_folder = [&](const std::string& source) {
    return source != settings_.listen && !source.starts_with(below);
  };
  if (before && of_user &&
      (std::ranges::any_of(view.binds, is_folder) || std::ranges::any_of(view.bind_mounts, is_folder))) {
    unpinned_.insert(view.id);
  }
  for (const std::string& source : view.bind_mounts) {
    if (!source.starts_with(below)) continue;
    const std::string token = source.substr(below.size(), source.find('/', below.size()) - below.size());
    const auto entry = entries_.find(token);
    if (entry == entries_.end()) {
      lost_.insert(view.id);
      continue;
    }
    if (entry->second.container && entry->second.container != view.id) continue;
    entry->second.container = view.id;
    containers_[view.id] = token;
  }
}

void PinService::gone(const ContainerId& container) {
  lost_.erase(container);
  unpinned_.erase(container);
  const auto token = containers_.find(container);
  if (token == containers_.end()) {
    gone_.push_back(container);
    if (gone_.size() > kMostGone) gone_.pop_front();
    return;
  }
  const std::string which = token->second;
  containers_.erase(token);
  drop(which);
}

void PinService::allNoticed() {
  std::vector<std::string> of_nobody;
  for (const auto& [token, entry] : entries_) {
    if (!entry.container && !entry.in_flight && !entry.dropped) of_nobody.push_back(token);
  }
  for (const std::string& token : of_nobody) drop(token);
  for (const auto& [token, entry] : entries_) {
    if (entry.dropped) runBeside(executor_, unmount(token), "unmount the folders of a container");
  }
  runBeside(executor_, mountMissing(), "mount the folders of containers");
}

void PinService::release(std::string token) {
  drop(token);
}

// The Engine's event, or the next comparison with it, tells whether the container is there.
void PinService::uncertain(std::string token) {
  const auto entry = entries_.find(token);
  if (entry != entries_.end()) entry->second.in_flight = false;
}

// It is counted until it is gone.
void PinService::drop(const std::string& token) {
  const auto entry = entries_.find(token);
  if (entry == entries_.end() || std::exchange(entry->second.dropped, true)) return;
  if (entry->second.container) containers_.erase(*entry->second.container);
  runBeside(executor_, unmount(token), "unmount the folders of a container");
}

asio::awaitable<void> PinService::unmount(std::string token) {
  Job job = jobFor(Job::What::Release);
  job.tokens = {token};
  if (const auto entry = entries_.find(token); entry != entries_.end() && entry->second.mounted_as) {
    job.user = *entry->second.mounted_as;  // in whose turn it is done
  }
  const Result<Report> done = co_await parts_.helper.run(std::move(job));
  if (!done) {
    spdlog::error("the folders of a container are still mounted: {}", done.error().message());
    co_return;  // tried again with the next comparison
  }
  entries_.erase(token);
  std::function<Result<bool>()> remove = [files = settings_.files, token]() -> Result<bool> {
    files.remove(token);
    return true;
  };
  co_await parts_.disk.run<bool>(std::move(remove), kDiskLimit);
}

asio::awaitable<std::vector<std::string>> PinService::keepHouse(Job::What what) {
  Job job = jobFor(what);
  for (const auto& [token, entry] : entries_) {
    if (!entry.dropped) job.tokens.push_back(token);
  }
  const Result<Report> report = co_await parts_.helper.run(std::move(job));
  if (report) co_return report->missing;
  spdlog::error("whether the folders of containers are mounted is not known: {}", report.error().message());
  co_return std::vector<std::string>();
}

asio::awaitable<void> PinService::putInOrder() {
  std::vector<std::string> missing = co_await keepHouse(Job::What::Sweep);
  co_await mountAll(std::move(missing), parts_.clock.now() + kInOrderWithin);
}

asio::awaitable<void> PinService::mountMissing() {
  std::vector<std::string> missing = co_await keepHouse(Job::What::Check);
  std::vector<std::string> wanted;
  for (std::string& token : missing) {
    const auto entry = entries_.find(token);
    if (entry == entries_.end() || entry->second.in_flight || entry->second.dropped) continue;
    entry->second.mounted_as.reset();
    wanted.push_back(std::move(token));
  }
  co_await mountAll(std::move(wanted), std::nullopt);
}

// One whose folders cannot be mounted now keeps nobody else waiting.
asio::awaitable<void> PinService::mountAll(std::vector<std::string> tokens, std::optional<TimePoint> until) {
  std::set<std::string> slow;
  for (const std::string& token : tokens) {
    if (until && parts_.clock.now() > *until) {
      spdlog::error("not all folders of containers are mounted yet");
      co_return;  // the first comparison with the Engine goes on
    }
    const auto entry = entries_.find(token);
    if (entry == entries_.end() || slow.contains(entry->second.record.login)) continue;
    const std::string login = entry->second.record.login;
    const Status mounted = co_await mountFor(token);
    if (mounted) continue;
    spdlog::error("folders of {} are not mounted: {}", login, mounted.error().message());
    const bool waited =
        mounted.error().code() == ErrorCode::Timeout || mounted.error().code() == ErrorCode::Unavailable;
    if (waited) slow.insert(login);
  }
}

}  // namespace ds01::daemon
