#include "gateway/create_plan.h"

#include <functional>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "admission/json_guard.h"
#include "admission/named_owner.h"
#include "events/details.h"
#include "gateway/body_work.h"
#include "gateway/container_rules.h"
#include "gateway/joined_containers.h"
#include "gateway/object_names.h"

namespace ds01::gateway {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::size_t kMaxReferences = 256;  // each is looked up
constexpr std::size_t kShortIdDigits = 12;   // as clients print them
constexpr std::size_t kLongestInput = 240;   // what a request names may have megabytes

Stop denied(Denial denial) {
  return {Stop::How::Deny, std::move(denial)};
}
Stop engineAway(std::string reason) {
  return {Stop::How::EngineAway, {503, "engine_away", std::move(reason)}};
}

bool meansAway(ErrorCode code) {
  return code != ErrorCode::NotFound && code != ErrorCode::InvalidArgument && code != ErrorCode::Conflict &&
         code != ErrorCode::PermissionDenied;
}

// The device request as the user wrote it, before it has been checked.
std::string askedGpus(const json::object& body) {
  const json::value* host = body.if_contains("HostConfig");
  const json::object* config = host != nullptr ? host->if_object() : nullptr;
  const json::value* list = config != nullptr ? config->if_contains("DeviceRequests") : nullptr;
  const json::array* requests = list != nullptr ? list->if_array() : nullptr;
  if (requests == nullptr || requests->empty()) return "none";
  const json::object* first = requests->front().if_object();
  if (requests->size() > 1 || first == nullptr) return fmt::format("{} device requests", requests->size());
  if (const json::value* ids = first->if_contains("DeviceIDs"); ids != nullptr && ids->is_array()) {
    std::vector<std::string> names;
    for (const json::value& id : ids->get_array()) {
      if (id.is_string()) names.emplace_back(id.get_string());
    }
    if (!names.empty()) return fmt::format("--gpus device={}", fmt::join(names, ","));
  }
  const json::value* count = first->if_contains("Count");
  if (count == nullptr || !count->is_int64()) return "none";
  return count->get_int64() == -1 ? "--gpus all" : fmt::format("--gpus {}", count->get_int64());
}

std::string label(const json::object& body, std::string_view key) {
  const json::value* labels = body.if_contains("Labels");
  const json::object* map = labels != nullptr ? labels->if_object() : nullptr;
  const json::value* value = map != nullptr ? map->if_contains(key) : nullptr;
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

// Who and what, as far as it is known when the body has been read.
Facts inputsOf(const CreateRequest& request, const admission::Facts& facts, const json::object& body,
               const std::string& image) {
  Facts inputs{{"user", facts.caller.user.login}, {"group", facts.limits.group}};
  const std::optional<std::uint32_t>& login_uid = facts.caller.login_uid;
  if (login_uid && *login_uid != facts.caller.user.uid) {
    inputs.emplace_back("logged in as", fmt::format("uid {}", *login_uid));
  }
  if (facts.owner) inputs.emplace_back("for", facts.owner->login);
  inputs.emplace_back("image", image);
  if (!request.container_name.empty()) inputs.emplace_back("container", request.container_name);
  inputs.emplace_back("GPUs asked for", askedGpus(body));
  if (const std::string profile = label(body, "ds01.request.profile"); !profile.empty()) {
    inputs.emplace_back("profile asked for", profile);
  }
  if (!request.user_agent.empty()) inputs.emplace_back("client", request.user_agent);
  for (auto& [name, value] : inputs) value = events::cut(value, kLongestInput);
  return inputs;
}

asio::awaitable<std::optional<Stop>> lookUpImage(Ports& ports, const std::string& image, CreatePlan& plan,
                                                 bool may_be_missing) {
  if (image.empty()) co_return std::nullopt;  // the Engine has its own sentence for that
  const Result<ImageView> view = co_await ports.engine.inspectImage(image);
  if (view) {
    plan.facts.image_env = view->env;
    for (const auto& [key, value] : view->labels) plan.facts.image_labels.insert(key);
    plan.facts.image_volumes = view->volumes;
    plan.facts.image_user = view->user;
    if (const auto label = view->labels.find("devcontainer.metadata"); label != view->labels.end()) {
      plan.facts.image_dev_container = label->second;
    }
    co_return std::nullopt;
  }
  const Error& error = view.error();
  if (meansAway(error.code())) co_return engineAway(error.message());
  const bool missing = error.code() == ErrorCode::NotFound;
  if (missing && may_be_missing) {
    plan.missing_image = error.message();
    co_return std::nullopt;
  }
  // Clients pull and try again on exactly this 404.
  co_return Stop{Stop::How::EngineSays, {missing ? 404 : 400, "image", error.message()}};
}

// What is not found is left out; the examination has a sentence for that.
asio::awaitable<std::optional<Stop>> lookUpNetworks(Ports& ports, const admission::References& references,
                                                    admission::Facts& facts) {
  for (const std::string& ref : references.networks) {
    const Result<NetworkView> found = co_await ports.engine.inspectNetwork(ref);
    if (found) {
      const bool own = ownerByLabels(found->labels) == ownerOf(facts).login;
      facts.networks[ref] = admission::NetworkFact{found->id, found->name, own};
    } else if (meansAway(found.error().code())) {
      co_return engineAway(found.error().message());
    }
  }
  co_return std::nullopt;
}

asio::awaitable<std::optional<Stop>> lookUpVolumes(Ports& ports, const admission::References& references,
                                                   admission::Facts& facts) {
  for (const std::string& name : references.volumes) {
    const Result<VolumeView> found = co_await ports.engine.inspectVolume(name);
    if (found) {
      facts.volumes[name] = admission::VolumeFact{ownerByLabels(found->labels) == ownerOf(facts).login};
    } else if (meansAway(found.error().code())) {
      co_return engineAway(found.error().message());
    }
  }
  co_return std::nullopt;
}

bool tooMany(const admission::References& references) {
  return references.containers.size() + references.bind_sources.size() + references.networks.size() +
             references.volumes.size() >
         kMaxReferences;
}

Stop tooManyReferences() {
  return denied({400, "too_many_references",
                 fmt::format("the container names more than {} other containers, networks, volumes and folders",
                             kMaxReferences)});
}

// Adds what those of which more must be known have mounted to what is looked up.
asio::awaitable<std::optional<Stop>> lookUpContainers(Ports& ports, admission::References& references,
                                                      admission::Facts& facts) {
  const User& owner = ownerOf(facts);
  for (const std::string& ref : references.containers) {
    const Result<OwnedContainer> found = co_await ports.ownership.find(ref);
    if (found) {
      const bool watched = found->owner && facts.excused.contains(RuleClass::Ownership);
      const bool free = facts.caller.admin || watched;
      const bool own = free || found->owner == owner.login;
      facts.containers[ref] = {.id = found->id, .own = own, .has_folders = ports.pins.has(found->id)};
    } else if (meansAway(found.error().code())) {
      co_return engineAway(found.error().message());
    }
  }
  if (facts.caller.admin) co_return std::nullopt;  // the Engine takes it as it is
  std::size_t mounts = 0;
  for (const std::string& ref : references.looked_into) {
    const auto container = facts.containers.find(ref);
    if (container == facts.containers.end() || !container->second.own) continue;
    const Status looked = co_await lookInto(ports, owner.login, kMaxReferences, container->second);
    if (!looked && meansAway(looked.error().code())) co_return engineAway(looked.error().message());
    if (!looked) {
      facts.containers.erase(container);
      continue;
    }
    mounts += container->second.mounts.size();
    addMounted(container->second, references);
    if (mounts > kMaxReferences || tooMany(references)) co_return tooManyReferences();
  }
  co_return std::nullopt;
}

asio::awaitable<std::optional<Stop>> lookUpReferences(Ports& ports, const admission::References& named,
                                                      admission::Facts& facts) {
  if (tooMany(named)) co_return tooManyReferences();
  admission::References references = named;
  std::optional<Stop> stop = co_await lookUpContainers(ports, references, facts);
  if (stop) co_return stop;
  // Administrators use what they like.
  if (facts.caller.admin) co_return std::nullopt;
  if (!references.bind_sources.empty()) {
    const User& owner = ownerOf(facts);
    Result<std::map<std::string, admission::BindFact>> found =
        co_await ports.paths.look(owner, references.bind_sources);
    if (!found) {
      co_return denied({503, "bind_lookup",
                        fmt::format("the folder {} cannot be looked up now: {}", references.bind_sources.front(),
                                    found.error().message())});
    }
    facts.binds = std::move(*found);
  }
  stop = co_await lookUpVolumes(ports, references, facts);
  if (stop) co_return stop;
  co_return co_await lookUpNetworks(ports, references, facts);
}

// Whom the request names as the owner, for callers who may name one.
asio::awaitable<std::optional<Stop>> lookUpOwner(Ports& ports, const json::object& body, admission::Facts& facts) {
  const Caller& caller = facts.caller;
  if (!caller.admin && !(caller.service && ports.site.isLauncher(caller.user.login))) co_return std::nullopt;
  const std::optional<admission::NamedOwner> named = admission::namedOwner(body);
  if (!named || named->login == facts.caller.user.login) co_return std::nullopt;
  Result<std::optional<User>> user = co_await ports.identities.findUser(named->login);
  if (!user) {
    co_return denied({503, "owner_lookup",
                      fmt::format("whose {} is cannot be looked up now: {}", named->folder, user.error().message())});
  }
  // A folder that is nobody's home is the caller's own business.
  if (!*user || !admission::ownsFolder(**user, *named)) co_return std::nullopt;
  if (!caller.admin && ports.site.hasRole(**user)) {
    co_return denied({403, "launch_for",
                      fmt::format("{} is an administrator or a program of this server, and what runs in their "
                                  "containers is them: a launcher makes none for them",
                                  named->login)});
  }
  facts.owner = std::move(**user);
  co_return std::nullopt;
}

// What the site knows without asking anybody.
std::optional<Stop> readSite(Ports& ports, const CreateRequest& request, admission::Facts& facts) {
  const Site& site = ports.site;
  std::expected<Limits, Denial> limits = site.limitsFor(ownerOf(facts));
  if (!limits) return denied(std::move(limits.error()));
  facts.limits = std::move(*limits);
  facts.user_agent = request.user_agent;
  facts.container_name = request.container_name;
  facts.now = ports.clock.now();
  return std::nullopt;
}

asio::awaitable<std::optional<Stop>> nameCgroupParent(Ports& ports, admission::Facts& facts) {
  Result<std::string> parent = co_await ports.site.cgroupParent(ownerOf(facts), facts.limits);
  if (!parent) co_return denied(noCgroupParent("this container", parent.error()));
  facts.cgroup_parent = std::move(*parent);
  co_return std::nullopt;
}

// A create while it is being decided: shared with the threads that work on a large body.
struct Draft {
  std::string text;  // as the client sent it
  json::object body;
  admission::References references;
  CreatePlan plan;
};

std::optional<Denial> readBody(Draft& draft) {
  const std::string text = std::exchange(draft.text, {});
  const admission::GuardOptions options{draft.plan.facts.caller.admin, draft.plan.facts.engine.api};
  std::expected<json::object, Denial> body = admission::guardBody("POST", "/containers/create", text, options);
  if (!body) {
    if (body.error().part.empty()) body.error().part = "create: body";
    return std::move(body.error());
  }
  draft.body = std::move(*body);
  draft.references = admission::references(draft.body);
  return std::nullopt;
}

std::optional<Denial> examineBody(Draft& draft) {
  std::expected<admission::Examined, Denial> examined =
      admission::examine(std::exchange(draft.body, {}), draft.plan.facts);
  if (!examined) return std::move(examined.error());
  draft.plan.examined = std::move(*examined);
  return std::nullopt;
}

// What others know about it.
asio::awaitable<std::optional<Stop>> lookUp(Ports& ports, const CreateRequest& request, Draft& draft) {
  CreatePlan& plan = draft.plan;
  const admission::References& references = draft.references;
  std::optional<Stop> stop = co_await lookUpOwner(ports, draft.body, plan.facts);
  if (!stop) stop = readSite(ports, request, plan.facts);
  plan.inputs = inputsOf(request, plan.facts, draft.body, references.image);
  if (!stop) stop = co_await nameCgroupParent(ports, plan.facts);
  if (!stop) stop = co_await lookUpImage(ports, references.image, plan, request.image_may_be_missing);
  if (!stop) stop = co_await lookUpReferences(ports, references, plan.facts);
  co_return stop;
}

}  // namespace

GrantRequest grantRequest(const CreatePlan& plan, const DecisionId& decision) {
  Caller for_whom = plan.facts.caller;
  for_whom.user = ownerOf(plan.facts);
  Limits limits = plan.facts.limits;
  if (plan.facts.excused.contains(RuleClass::Limits)) {
    limits.max_gpu_equivalents.reset();
    limits.max_gpu_slots.reset();
    limits.max_gpu_slots_per_container.reset();
    limits.allow_full_gpu = true;
    limits.max_containers_per_user.reset();
    limits.aggregate.gpu_limit.reset();
  }
  return {std::move(for_whom), std::move(limits), decision, plan.facts.container_name, plan.examined.gpu};
}

Denial withInputs(Denial denial, const Facts& inputs) {
  denial.facts.insert(denial.facts.begin(), inputs.begin(), inputs.end());
  return denial;
}

std::optional<Denial> checkContainerName(const Caller& caller, std::string_view name) {
  if (caller.admin) return std::nullopt;
  if (name.starts_with('/')) name.remove_prefix(1);
  if (name.size() < kShortIdDigits || name.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
    return std::nullopt;
  }
  return Denial{.http_status = 400,
                .reason = "container_name",
                .text = fmt::format("the container name {} looks like the id of a container; choose one with other "
                                    "characters than 0-9 and a-f",
                                    name),
                .part = "create: name",
                .remedy = "Add a letter from g to z, a dash or an underscore to the name."};
}

asio::awaitable<std::expected<CreatePlan, Stop>> planCreate(Ports& ports, CreateRequest request) {
  if (std::optional<Denial> denial = checkContainerName(request.caller, request.container_name)) {
    co_return std::unexpected(denied(std::move(*denial)));
  }
  std::optional<EngineFacts> engine = ports.site.engineFacts();
  if (!engine) co_return std::unexpected(engineAway("it has not been reached yet"));
  const std::uint32_t uid = request.caller.user.uid;
  const std::size_t bytes = request.body.size();
  const auto draft = std::make_shared<Draft>();
  draft->plan.body_bytes = bytes;
  draft->plan.facts.caller = request.caller;
  draft->plan.facts.excused = request.excused;
  draft->plan.facts.engine = std::move(*engine);
  draft->text = std::move(request.body);
  std::function<std::optional<Denial>()> read = [draft] { return readBody(*draft); };
  if (std::optional<Denial> denial = co_await compute(ports, uid, bytes, std::move(read))) {
    co_return std::unexpected(denied(std::move(*denial)));
  }
  if (std::optional<Stop> stop = co_await lookUp(ports, request, *draft)) {
    stop->denial = withInputs(std::move(stop->denial), draft->plan.inputs);
    co_await discard(ports, uid, bytes, draft);
    co_return std::unexpected(std::move(*stop));
  }
  std::function<std::optional<Denial>()> examine = [draft] { return examineBody(*draft); };
  if (std::optional<Denial> denial = co_await compute(ports, uid, bytes, std::move(examine))) {
    co_return std::unexpected(denied(withInputs(std::move(*denial), draft->plan.inputs)));
  }
  CreatePlan& plan = draft->plan;
  plan.volumes = plan.examined.volumes;
  if (plan.examined.gpu) {
    if (std::optional<Denial> trouble = ports.site.gpuTrouble()) {
      Denial told = withInputs(std::move(*trouble), plan.inputs);
      co_await discard(ports, uid, bytes, draft);
      co_return std::unexpected(denied(std::move(told)));
    }
  }
  if (const std::string type = label(plan.examined.body, "ds01.container_type"); !type.empty()) {
    plan.inputs.emplace_back("container type", type);
  }
  co_return std::move(plan);
}

asio::awaitable<void> discardPlan(Ports& ports, CreatePlan plan) {
  const std::uint32_t uid = plan.facts.caller.user.uid;
  const std::size_t bytes = plan.body_bytes;
  auto held = std::make_shared<CreatePlan>(std::move(plan));
  co_await discard(ports, uid, bytes, std::move(held));
}

}  // namespace ds01::gateway
