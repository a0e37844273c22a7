// What clients of BuildKit's API send, once its frames are joined: what is decided on is what is sent on.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buildkit/control.h"
#include "buildkit/file_sync.h"
#include "buildkit/grpc.h"
#include "fuzz/property.h"

namespace ds01::buildkit {
namespace {

using fuzz::require;

bool sameExporter(const Exporter& a, const Exporter& b) {
  return a.type == b.type && a.attributes == b.attributes && a.id == b.id;
}

void checkSolve(std::string_view text) {
  const Result<SolveRequest> request = readSolve(text);
  if (!request) return;
  const std::string written = writeSolve(*request);
  const Result<SolveRequest> again = readSolve(written);
  require(again.has_value(), "a request that is written is read", text);
  require(again->ref == request->ref && again->frontend == request->frontend && again->options == request->options &&
              again->rest == request->rest,
          "a request means the same as we write it", text);
  require(std::ranges::equal(again->exporters, request->exporters, sameExporter), "the exporters are the same", text);
  require(again->exporter.has_value() == request->exporter.has_value(), "the older exporter is there or not", text);
  require(!request->exporter || sameExporter(*again->exporter, *request->exporter), "the older exporter is the same",
          text);
  require(again->entitlements.empty() && !again->exporters_by_session && !again->own_llb,
          "what is refused is not written", text);
  require(writeSolve(*again) == written, "writing twice changes nothing", text);
}

void checkWithin(std::string_view text) {
  const Result<WithinRequest> request = readWithin(text);
  if (!request) return;
  const std::string written = writeWithin(*request);
  const Result<WithinRequest> again = readWithin(written);
  require(again.has_value(), "a request within a build that is written is read", text);
  require(again->frontend == request->frontend && again->options == request->options && again->rest == request->rest,
          "a request within a build means the same as we write it", text);
  require(!again->own_llb, "instructions of one's own are not written", text);
}

void checkStatus(std::string_view text) {
  const Result<std::string> ref = readStatus(text);
  if (ref) require(readStatus(writeStatus(*ref)) == *ref, "a ref means the same as we write it", text);
}

// Packets of one call, each with its length in front.
void checkFiles(std::string_view text) {
  SentFiles files;
  SentFiles again;
  Messages packets(kMaxPacket);
  packets.add(text);
  while (true) {
    const Result<std::optional<std::string>> packet = packets.next();
    if (!packet || !*packet) return;
    const Result<std::string> passed = files.next(**packet);
    if (!passed) return;
    require(passed->size() <= (*packet)->size(), "what goes on is not longer", text);
    const Result<std::string> twice = again.next(*passed);
    require(twice && *twice == *passed, "what goes on is what would go on", text);
  }
}

void checkImages(std::string_view text) {
  const std::vector<std::string> images = imagesOf(text);
  require(images.size() <= 2, "an answer tells of one image, by two ids", text);
  for (const std::string& id : images) {
    require(id.size() == 71 && id.starts_with("sha256:"), "an image has an id", id);
  }
}

void checkMessage(std::string_view text) {
  const Result<std::string> message = oneMessage(text);
  if (message) require(framed(*message) == text, "a message has one frame", text);
  const Result<std::string> again = oneMessage(framed(text));
  require(again && *again == text, "what is framed is one message", text);
  const std::string encoded = percentEncoded(text);
  const auto plain = [](char c) { return c >= ' ' && c <= '~'; };
  require(std::ranges::all_of(encoded, plain), "a header's text is plain", encoded);
}

// Whole messages and those in their frame are both looked at.
void take(std::string_view text) {
  checkSolve(text);
  checkWithin(text);
  checkStatus(text);
  checkImages(text);
  checkFiles(text);
  checkMessage(text);
  if (examineReturn(text)) require(!text.empty(), "what a build returns is something", text);
  const Result<std::string> message = oneMessage(text);
  if (message) checkSolve(*message);
}

}  // namespace
}  // namespace ds01::buildkit

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ds01::buildkit::take(ds01::fuzz::asText(data, size));
  return 0;
}
