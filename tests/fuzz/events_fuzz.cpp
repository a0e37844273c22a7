// What the Engine says, as a compromised or merely odd one could: the stream of events in any pieces, and each answer
// that we decode.
#include <string>
#include <string_view>
#include <vector>

#include "docker/codec.h"
#include "docker/container_list.h"
#include "docker/event_splitter.h"
#include "fuzz/property.h"

namespace ds01::docker {
namespace {

using fuzz::require;

struct Cut {
  std::vector<std::string> objects;
  bool broken = false;
};

Cut cut(std::string_view stream, std::size_t piece) {
  Cut result;
  EventSplitter splitter;
  for (std::size_t at = 0; at < stream.size() && !result.broken; at += piece) {
    const Status fed =
        splitter.feed(stream.substr(at, piece), [&](std::string_view object) { result.objects.emplace_back(object); });
    result.broken = !fed;
  }
  return result;
}

bool isFullId(std::string_view id) {
  return id.size() == 64 && id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

void decodeAll(std::string_view text) {
  if (const auto container = decodeContainer(text)) require(isFullId(container->id.str()), "a container has a full id");
  if (const auto exec = decodeExec(text)) require(isFullId(exec->container.str()), "an exec's container has a full id");
  (void)decodeImage(text);
  (void)decodeFacts(text, text);
  (void)decodeErrorMessage(text);
}

Result<std::vector<ContainerSummary>> readList(std::string_view text, std::size_t piece) {
  ContainerListReader reader;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    if (const Status fed = reader.feed(text.substr(at, piece)); !fed) return fail(fed.error());
  }
  return reader.finish();
}

void checkList(std::string_view text) {
  const auto whole = readList(text, text.size() + 1);
  const auto pieces = readList(text, 1);
  require(whole.has_value() == pieces.has_value() && (!whole || whole->size() == pieces->size()),
          "pieces make no difference to a list");
  if (!whole) return;
  for (std::size_t i = 0; i < whole->size(); ++i) {
    require(isFullId((*whole)[i].id.str()), "an item has a full id");
    require((*whole)[i].id == (*pieces)[i].id && (*whole)[i].labels == (*pieces)[i].labels,
            "pieces make no difference");
  }
}

void take(std::string_view stream) {
  const Cut whole = cut(stream, stream.size() + 1);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{5}}) {
    const Cut pieces = cut(stream, piece);
    require(pieces.objects == whole.objects && pieces.broken == whole.broken, "pieces make no difference");
  }
  for (const std::string& object : whole.objects) {
    require(object.starts_with('{') && object.ends_with('}'), "objects are whole", object);
    const auto event = decodeEvent(object);
    if (event && event->type == "container") require(!event->action.empty(), "an event has an action", object);
  }
  decodeAll(stream);
  checkList(stream);
}

}  // namespace
}  // namespace ds01::docker

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ds01::docker::take(ds01::fuzz::asText(data, size));
  return 0;
}
