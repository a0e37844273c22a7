#include "gateway/owned_objects.h"

#include <fmt/format.h>

#include "admission/admission.h"
#include "admission/references.h"
#include "gateway/container_rules.h"

namespace ds01::gateway {

namespace asio = boost::asio;

asio::awaitable<Result<OwnedObject>> findVolume(Ports& ports, ObjectMemory& memory, std::string name) {
  const Result<VolumeView> found = co_await ports.engine.inspectVolume(std::move(name));
  if (!found) co_return fail(found.error());
  OwnedObject object{.key = found->name, .name = found->name, .owner = ownerByLabels(found->labels)};
  memory.remember(ObjectMemory::volume(object.key), object.owner);
  co_return object;
}

asio::awaitable<Result<OwnedObject>> findNetwork(Ports& ports, ObjectMemory& memory, std::string ref) {
  const Result<NetworkView> found = co_await ports.engine.inspectNetwork(std::move(ref));
  if (!found) co_return fail(found.error());
  OwnedObject object{.key = found->id,
                     .name = found->name,
                     .owner = ownerByLabels(found->labels),
                     .predefined = admission::isPredefinedNetwork(found->name)};
  memory.remember(ObjectMemory::network(object.key), object.owner);
  co_return object;
}

asio::awaitable<ResolvedObject> resolveNetwork(Exchange& exchange, std::string ref) {
  std::string missing = fmt::format("network {} not found", ref);
  const Result<OwnedObject> found = co_await findNetwork(exchange.ports(), exchange.objects(), ref);
  ResolvedObject out;
  if (found) {
    const bool own = found->owner == exchange.caller().user.login;
    if (found->predefined || own || exchange.excused().contains(RuleClass::Ownership)) {
      exchange.setAbout({"network", found->key, found->name, found->owner});
      out.object = *found;
      co_return out;
    }
    if (const std::optional<Flow> again = exchange.overlook(notOwner("network", found->name))) {
      out.flow = *again;
      co_return out;
    }
    exchange.emit("auth.denied",
                  {{"reason", "not_owner"},
                   {"network", found->name},
                   {"operation", fmt::format("{} {}", exchange.head().method, exchange.target().path())}});
    out.flow = co_await exchange.message(404, std::move(missing));
    co_return out;
  }
  const ErrorCode code = found.error().code();
  // An ambiguous name or prefix would tell of networks that are not the caller's.
  if (code == ErrorCode::NotFound || code == ErrorCode::InvalidArgument || code == ErrorCode::Conflict) {
    out.flow = co_await exchange.message(404, std::move(missing));
  } else {
    out.flow = co_await exchange.engineFailed(Error(ErrorCode::Unavailable, found.error().message()));
  }
  co_return out;
}

namespace {

enum class Standing { Own, Missing, Foreign };

asio::awaitable<Result<Standing>> standing(Exchange& exchange, const std::string& name, const std::string& owner) {
  const Result<OwnedObject> found = co_await findVolume(exchange.ports(), exchange.objects(), name);
  if (found) co_return found->owner == owner ? Standing::Own : Standing::Foreign;
  if (found.error().code() == ErrorCode::NotFound) co_return Standing::Missing;
  co_return fail(found.error());
}

}  // namespace

asio::awaitable<Result<std::optional<HeldVolume>>> claimVolume(Exchange& exchange, std::string name,
                                                               std::string owner) {
  std::optional<NameClaims::Claim> claim = exchange.volumeClaims().take(name, owner);
  if (!claim) co_return std::nullopt;
  const Result<Standing> now = co_await standing(exchange, name, owner);
  if (!now) co_return fail(now.error());
  if (*now == Standing::Foreign) co_return std::nullopt;
  co_return HeldVolume{std::move(*claim), *now == Standing::Own};
}

asio::awaitable<Result<std::optional<HeldVolume>>> holdVolume(Exchange& exchange, std::string name, std::string owner) {
  const Result<Standing> now = co_await standing(exchange, name, owner);
  if (!now) co_return fail(now.error());
  if (*now == Standing::Foreign) co_return std::nullopt;
  co_return co_await claimVolume(exchange, std::move(name), std::move(owner));
}

asio::awaitable<HeldVolumes> holdVolumes(Exchange& exchange, admission::VolumeLabels volumes, std::string owner) {
  HeldVolumes out;
  for (auto& [name, labels] : volumes) {
    Result<std::optional<HeldVolume>> held = co_await holdVolume(exchange, name, owner);
    if (!held) {
      out.engine_failed = held.error();
      co_return out;
    }
    if (!*held) {
      // Administrators may give somebody what is theirs, but not what a third one has filled.
      const Result<OwnedObject> other = co_await findVolume(exchange.ports(), exchange.objects(), name);
      if (exchange.caller().admin && other && !other->owner) continue;
      out.denial = admission::volumeTaken(name);
      co_return out;
    }
    out.claims.push_back(std::move((*held)->claim));
    if ((*held)->exists || labels.empty()) continue;
    const Result<VolumeView> made = co_await exchange.ports().engine.createVolume(name, std::move(labels));
    if (!made) {
      out.engine_failed = made.error();
      co_return out;
    }
    // Somebody beside us has made it in this moment.
    if (ownerByLabels(made->labels) != owner) {
      out.denial = admission::volumeTaken(name);
      co_return out;
    }
  }
  co_return out;
}

Denial networkTaken(std::string_view name) {
  return {
      .http_status = 409,
      .reason = "network_taken",
      .text = fmt::format("the network name {} is taken by somebody else on this server; choose another name", name),
      .remedy = "Choose another name; for compose, another project name (-p)."};
}

}  // namespace ds01::gateway
