// Changes that keep a body JSON: a field that some version of the API describes is set, at its place, to something a
// user might try; or one that is there is taken away or copied elsewhere. Bytes alone would mostly break the syntax.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "admission/body_schema.h"
#include "fuzz/property.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace ds01::admission {
namespace {

namespace json = boost::json;
using Random = std::minstd_rand;

std::size_t pick(Random& random, std::size_t count) {
  return random() % count;
}

constexpr std::array<std::string_view, 62> kValues{
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "1e3",
    "\"\"",
    "[]",
    "{}",
    "[null]",
    "[\"\"]",
    "[{}]",
    "\"host\"",
    "[\"host\"]",
    "\"none\"",
    "\"private\"",
    "\"container:own\"",
    "\"beef\"",
    "\"cafe\"",
    "{\"cafe\":{},\"cafe0\":null,\"beef\":{}}",
    "\"container:bob\"",
    "\"ns:/proc/1/ns/net\"",
    "[\"own:alias\",\"bob:x\"]",
    "[\"own\"]",
    "\"nvidia\"",
    "\"runc\"",
    "[\"SYS_ADMIN\"]",
    "[\"ALL\"]",
    "[\"MKNOD\"]",
    "[\"CAP_CHOWN\",\"kill\",\"mknod\"]",
    "\"/\"",
    "\"ds01-student-alice.slice\"",
    "[\"/home/alice/data:/data:ro\"]",
    "[\"/home/alice/../bob:/data\"]",
    "[\"/etc:/x\",\"cache:/y\"]",
    "[\"/home/alice:/run//nvidia-container-devices/../nvidia-container-devices/all\"]",
    "[\"/home/alice:/x:rshared,z\"]",
    "[{\"Type\":\"bind\",\"Source\":\"/home/alice\",\"Target\":\"/x\"}]",
    "[{\"Type\":\"bind\",\"Source\":\"/etc\",\"Target\":\"/x\"}]",
    "[{\"Type\":\"volume\",\"Source\":\"v1\",\"Target\":\"/x\",\"VolumeOptions\":{\"DriverConfig\":{\"Name\":\"local\","
    "\"Options\":{\"type\":\"none\",\"o\":\"bind\",\"device\":\"/\"}}}}]",
    "[{\"Type\":\"tmpfs\",\"Target\":\"/var/run/nvidia-container-devices\"}]",
    "[{\"Type\":\"npipe\",\"Source\":\"x\",\"Target\":\"/x\"}]",
    "[{\"Count\":1,\"Capabilities\":[[\"gpu\"]]}]",
    "[{\"Count\":-1,\"Capabilities\":[[\"gpu\",\"compute\"]]}]",
    "[{\"Driver\":\"cdi\",\"DeviceIDs\":[\"nvidia.com/gpu=all\"]}]",
    "[{\"Driver\":\"nvidia\",\"DeviceIDs\":[\"0\",\"GPU-1\"],\"Capabilities\":[[\"gpu\"]]}]",
    "[{\"PathOnHost\":\"/dev/nvidia0\",\"PathInContainer\":\"/dev/x\",\"CgroupPermissions\":\"rwm\"}]",
    "[\"NVIDIA_VISIBLE_DEVICES=all\"]",
    "[\"nvidia_visible_devices=0\",\"NVIDIA_VISIBLE_DEVICES\",\"PATH=/bin\"]",
    "[\"NVIDIA_MIG_CONFIG_DEVICES=all\",\"DOCKER_RESOURCE_GPU=0\",\"NVIDIA_IMEX_CHANNELS=0\"]",
    "{\"ds01.user\":\"bob\",\"ds01.lease\":\"L1\",\"aime.mlc.USER\":\"bob\"}",
    "{\"ds01.request.profile\":\"full\",\"com.docker.compose.project\":\"p\"}",
    "{\"cdi.k8s.io/x\":\"nvidia.com/gpu=all\"}",
    "{\"/var/run/nvidia-container-devices/all\":{}}",
    "{\"host\":{\"NetworkID\":\"0123456789ab\"}}",
    "{\"net\":{\"DriverOpts\":{\"x\":\"y\"}}}",
    "[\"seccomp=unconfined\"]",
    "[\"no-new-privileges\"]"};

// The fields of the body that we fuzz, "HostConfig.Mounts[].BindOptions" and the like.
const std::vector<std::string_view>& paths() {
  static const std::vector<std::string_view> list = [] {
    std::vector<std::string_view> found;
    for (const BodyField& field : bodyFields()) {
      if (field.method == "POST" && field.path == "/containers/create") found.push_back(field.field);
    }
    return found;
  }();
  return list;
}

// "Mounts[][]" → "Mounts" and 2.
std::string_view withoutLists(std::string_view step, std::size_t& lists) {
  for (lists = 0; step.ends_with("[]"); ++lists) step.remove_suffix(2);
  return step;
}

// Sets the field at `path`, making what it lies in.
void setField(json::value& at, std::string_view path, const json::value& to, Random& random) {
  if (path.empty()) {
    at = to;
    return;
  }
  const std::size_t dot = path.find('.');
  std::size_t lists = 0;
  std::string_view name = withoutLists(path.substr(0, dot), lists);
  if (name == "*") name = pick(random, 2) == 0 ? "net" : "80/tcp";
  if (!at.is_object()) at = json::object();
  json::value* member = &at.get_object()[name];
  for (; lists > 0; --lists) {
    if (!member->is_array()) *member = json::array();
    json::array& list = member->get_array();
    if (list.empty() || pick(random, 8) == 0) list.emplace_back(nullptr);
    member = &list[pick(random, list.size())];
  }
  setField(*member, dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1), to, random);
}

// A member somewhere: taken away, renamed by case, or its value put under another name.
void disturb(json::value& at, Random& random) {
  if (json::array* list = at.if_array(); list != nullptr && !list->empty()) {
    if (pick(random, 4) == 0) return list->emplace_back(json::value((*list)[pick(random, list->size())])), void();
    return disturb((*list)[pick(random, list->size())], random);
  }
  json::object* object = at.if_object();
  if (object == nullptr || object->empty()) return;
  auto* member = object->begin() + pick(random, object->size());
  if (member->value().is_structured() && pick(random, 3) != 0) return disturb(member->value(), random);
  std::string key(member->key());
  json::value value = member->value();
  if (pick(random, 3) != 0) object->erase(member);
  if (pick(random, 2) == 0 && !key.empty()) key[0] = static_cast<char>(key[0] ^ 0x20);
  if (pick(random, 2) == 0) (*object)[key] = std::move(value);
}

}  // namespace
}  // namespace ds01::admission

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed) {
  using namespace ds01::admission;
  Random random(seed);
  if (pick(random, 3) == 0) return LLVMFuzzerMutate(data, size, max_size);
  boost::system::error_code ec;
  json::value body = json::parse(ds01::fuzz::asText(data, size), ec);
  if (ec) return LLVMFuzzerMutate(data, size, max_size);
  for (std::size_t changes = 1 + pick(random, 3); changes > 0; --changes) {
    if (pick(random, 4) == 0) {
      disturb(body, random);
    } else {
      setField(body, paths()[pick(random, paths().size())], json::parse(kValues[pick(random, kValues.size())]), random);
    }
  }
  const std::string text = json::serialize(body);
  if (text.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, text.data(), text.size());
  return text.size();
}
