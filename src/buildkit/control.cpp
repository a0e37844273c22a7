#include "buildkit/control.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

namespace ds01::buildkit {

namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;
using protozero::pbf_writer;

// Fields of SolveRequest. 5, which is copied, is the session. Not known on purpose: 12 and 15, a policy that changes
// what is fetched, and where it is written.
constexpr std::uint32_t kRef = 1;
constexpr std::uint32_t kDefinition = 2;
constexpr std::uint32_t kOldExporter = 3;
constexpr std::uint32_t kOldAttributes = 4;
constexpr std::uint32_t kFrontend = 6;
constexpr std::uint32_t kFrontendAttributes = 7;
constexpr std::uint32_t kCaches = 8;
constexpr std::uint32_t kEntitlements = 9;
constexpr std::uint32_t kInputs = 10;
constexpr std::uint32_t kInternal = 11;
constexpr std::uint32_t kExporters = 13;
constexpr std::uint32_t kBySession = 14;
constexpr std::array<std::uint32_t, 1> kCopied{5};
constexpr std::array<std::uint32_t, 2> kFlags{kInternal, kBySession};

// Of SolveRequest of LLBBridge. Those that are copied say what the answer looks like (5, 6, 14). Caches that are
// brought along are left out (4, 12). Not known on purpose: a result of the client's own (10, 11), policies (15).
constexpr std::uint32_t kWithinDefinition = 1;
constexpr std::uint32_t kWithinFrontend = 2;
constexpr std::uint32_t kWithinOptions = 3;
constexpr std::uint32_t kWithinInputs = 13;
constexpr std::array<std::uint32_t, 3> kWithinCopied{5, 6, 14};
constexpr std::array<std::uint32_t, 2> kWithinCaches{4, 12};
constexpr std::array<std::uint32_t, 3> kWithinFlags{5, 6, 14};

constexpr std::size_t kLongestRef = 128;
constexpr std::size_t kMostAttributes = 2000;
constexpr std::size_t kMostExporters = 8;

// What one of the library's readers throws is a malformed message.
template <typename Read>
auto guarded(std::string_view what, Read read) -> decltype(read()) {
  try {
    return read();
  } catch (const protozero::exception& error) {
    return fail(ErrorCode::Malformed, fmt::format("{} is no protobuf message: {}", what, error.what()));
  }
}

// The next field is there and of that form: a reader must not be asked for another.
Result<bool> nextField(pbf_reader& reader, std::string_view where, std::span<const std::uint32_t> flags = {}) {
  if (!reader.next()) return false;
  const bool flag = std::ranges::find(flags, reader.tag()) != flags.end();
  const pbf_wire_type expected = flag ? pbf_wire_type::varint : pbf_wire_type::length_delimited;
  if (reader.wire_type() == expected) return true;
  return fail(ErrorCode::Malformed, fmt::format("field {} of {} has another type", reader.tag(), where));
}

Status unknownField(std::string_view where, std::uint32_t field) {
  return fail(ErrorCode::Malformed, fmt::format("field {} of {} is not known to this server", field, where));
}

Status readAttribute(std::string_view where, std::string_view entry, Attributes& attributes) {
  std::string key;
  std::string value;
  pbf_reader reader(entry.data(), entry.size());
  Result<bool> more = nextField(reader, where);
  for (; more && *more; more = nextField(reader, where)) {
    if (reader.tag() > 2) return unknownField(where, reader.tag());
    std::string& part = reader.tag() == 1 ? key : value;  // the tag is gone once its field is read
    part = reader.get_string();
  }
  if (!more) return fail(more.error());
  if (attributes.size() >= kMostAttributes)
    return fail(ErrorCode::Malformed, fmt::format("too many attributes of {}", where));
  attributes.insert_or_assign(std::move(key), std::move(value));
  return {};
}

Result<Exporter> readExporter(std::string_view message) {
  Exporter exporter;
  pbf_reader reader(message.data(), message.size());
  Result<bool> more = nextField(reader, "an exporter");
  for (; more && *more; more = nextField(reader, "an exporter")) {
    switch (reader.tag()) {
      case 1:
        exporter.type = reader.get_string();
        break;
      case 2:
        if (Status read = readAttribute("an exporter", reader.get_string(), exporter.attributes); !read) {
          return fail(read.error());
        }
        break;
      case 3:
        exporter.id = reader.get_string();
        break;
      default:
        return fail(unknownField("an exporter", reader.tag()).error());
    }
  }
  if (!more) return fail(more.error());
  return exporter;
}

// The library's get_bool() looks at a byte before it looks whether there is one, and at the first one alone.
bool readFlag(pbf_reader& reader) {
  return reader.get_uint64() != 0;
}

void copyField(pbf_reader& reader, std::string& rest) {
  const std::uint32_t field = reader.tag();
  pbf_writer writer(rest);
  if (reader.wire_type() == pbf_wire_type::varint) {
    writer.add_bool(field, readFlag(reader));
  } else {
    writer.add_bytes(field, reader.get_string());
  }
}

// Of CacheOptions: what is brought along (2, 5) is left out, and what is kept as a part of the image is asked for.
Status readCaches(std::string_view message, SolveRequest& request) {
  pbf_reader reader(message.data(), message.size());
  Result<bool> more = nextField(reader, "the caches");
  for (; more && *more; more = nextField(reader, "the caches")) {
    const std::uint32_t field = reader.tag();
    if (field == 2 || field == 5) {
      reader.skip();
      continue;
    }
    if (field != 4) return unknownField("the caches", field);
    Result<Exporter> cache = readExporter(reader.get_string());
    if (!cache) return fail(cache.error());
    if (cache->type == "inline") {
      request.inline_cache = true;
    } else {
      request.other_caches = true;
    }
  }
  if (!more) return fail(more.error());
  return {};
}

Status readField(pbf_reader& reader, SolveRequest& request) {
  const auto old = [&]() -> Exporter& { return request.exporter ? *request.exporter : request.exporter.emplace(); };
  switch (const std::uint32_t field = reader.tag()) {
    case kRef:
      request.ref = reader.get_string();
      return {};
    case kOldExporter:
      old().type = reader.get_string();
      return {};
    case kOldAttributes:
      return readAttribute("the exporter", reader.get_string(), old().attributes);
    case kFrontend:
      request.frontend = reader.get_string();
      return {};
    case kFrontendAttributes:
      return readAttribute("the frontend", reader.get_string(), request.options);
    case kDefinition:
    case kInputs:
      request.own_llb = true;
      reader.skip();
      return {};
    case kEntitlements:
      request.entitlements.push_back(reader.get_string());
      return {};
    case kExporters: {
      Result<Exporter> exporter = readExporter(reader.get_string());
      if (!exporter) return fail(exporter.error());
      if (request.exporters.size() >= kMostExporters) return fail(ErrorCode::Malformed, "too many exporters");
      request.exporters.push_back(std::move(*exporter));
      return {};
    }
    case kBySession:
      request.exporters_by_session = readFlag(reader);
      return {};
    case kCaches:
      return readCaches(reader.get_string(), request);
    case kInternal:
      reader.skip();
      return {};
    default:
      if (std::ranges::find(kCopied, field) == kCopied.end()) {
        return unknownField("the request for a build", field);
      }
      copyField(reader, request.rest);
      return {};
  }
}

Status readWithinField(pbf_reader& reader, WithinRequest& request) {
  switch (const std::uint32_t field = reader.tag()) {
    case kWithinFrontend:
      request.frontend = reader.get_string();
      return {};
    case kWithinOptions:
      return readAttribute("the frontend", reader.get_string(), request.options);
    case kWithinDefinition:
    case kWithinInputs:
      request.own_llb = true;
      reader.skip();
      return {};
    default:
      if (std::ranges::find(kWithinCaches, field) != kWithinCaches.end()) {
        reader.skip();
        return {};
      }
      if (std::ranges::find(kWithinCopied, field) == kWithinCopied.end()) {
        return unknownField("the request within a build", field);
      }
      copyField(reader, request.rest);
      return {};
  }
}

void writeAttributes(pbf_writer& writer, std::uint32_t field, const Attributes& attributes) {
  for (const auto& [key, value] : attributes) {
    std::string entry;
    pbf_writer pair(entry);
    pair.add_string(1, key);
    pair.add_string(2, value);
    writer.add_message(field, entry);
  }
}

bool isDigest(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  const auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() == kPrefix.size() + 64 && text.starts_with(kPrefix) &&
         std::ranges::all_of(text.substr(kPrefix.size()), hex);
}

}  // namespace

Method methodOf(std::string_view path) {
  static constexpr std::array<std::pair<std::string_view, Method>, 8> kMethods{{
      {"/moby.buildkit.v1.Control/Info", Method::Harmless},
      {"/moby.buildkit.v1.Control/ListWorkers", Method::Harmless},
      {"/moby.buildkit.v1.Control/Solve", Method::Solve},
      {"/moby.buildkit.v1.Control/Status", Method::Status},
      {"/moby.buildkit.v1.Control/DiskUsage", Method::Du},
      {"/moby.buildkit.v1.Control/Prune", Method::Prune},
      {"/grpc.health.v1.Health/Check", Method::Harmless},
      {"/opentelemetry.proto.collector.trace.v1.TraceService/Export", Method::Harmless},
  }};
  // Not open: containers of the client's own (NewContainer and what belongs to it), sources as LLB, and files of a
  // result, which dockerd opens as root whatever they are, device files too.
  static constexpr std::string_view kBridge = "/moby.buildkit.v1.frontend.LLBBridge/";
  if (path.starts_with(kBridge)) {
    path.remove_prefix(kBridge.size());
    if (path == "Solve") return Method::SolveWithin;
    if (path == "Return") return Method::Return;
    return path == "Ping" ? Method::WithinBuild : Method::Unknown;
  }
  const auto* const found = std::ranges::find(kMethods, path, &std::pair<std::string_view, Method>::first);
  return found == kMethods.end() ? Method::Unknown : found->second;
}

bool isRef(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
           c == '.';
  };
  return !text.empty() && text.size() <= kLongestRef && std::ranges::all_of(text, plain);
}

Result<SolveRequest> readSolve(std::string_view message) {
  return guarded("the request for a build", [&]() -> Result<SolveRequest> {
    SolveRequest request;
    pbf_reader reader(message.data(), message.size());
    Result<bool> more = nextField(reader, "the request for a build", kFlags);
    for (; more && *more; more = nextField(reader, "the request for a build", kFlags)) {
      if (Status read = readField(reader, request); !read) return fail(read.error());
    }
    if (!more) return fail(more.error());
    return request;
  });
}

std::string writeSolve(const SolveRequest& request) {
  std::string out;
  pbf_writer writer(out);
  writer.add_string(kRef, request.ref);
  // Not kept in the history, where a later look at a build of that name would find this one.
  writer.add_bool(kInternal, true);
  if (request.exporter) {
    writer.add_string(kOldExporter, request.exporter->type);
    writeAttributes(writer, kOldAttributes, request.exporter->attributes);
  }
  if (!request.frontend.empty()) writer.add_string(kFrontend, request.frontend);
  writeAttributes(writer, kFrontendAttributes, request.options);
  for (const Exporter& exporter : request.exporters) {
    std::string text;
    pbf_writer one(text);
    one.add_string(1, exporter.type);
    writeAttributes(one, 2, exporter.attributes);
    if (!exporter.id.empty()) one.add_string(3, exporter.id);
    writer.add_message(kExporters, text);
  }
  if (request.inline_cache) {
    std::string entry;
    pbf_writer(entry).add_string(1, "inline");
    std::string caches;
    pbf_writer(caches).add_message(4, entry);
    writer.add_message(kCaches, caches);
  }
  return out + request.rest;
}

Result<WithinRequest> readWithin(std::string_view message) {
  return guarded("the request within a build", [&]() -> Result<WithinRequest> {
    WithinRequest request;
    pbf_reader reader(message.data(), message.size());
    Result<bool> more = nextField(reader, "the request within a build", kWithinFlags);
    for (; more && *more; more = nextField(reader, "the request within a build", kWithinFlags)) {
      if (Status read = readWithinField(reader, request); !read) return fail(read.error());
    }
    if (!more) return fail(more.error());
    return request;
  });
}

std::string writeWithin(const WithinRequest& request) {
  std::string out;
  pbf_writer writer(out);
  if (!request.frontend.empty()) writer.add_string(kWithinFrontend, request.frontend);
  writeAttributes(writer, kWithinOptions, request.options);
  return out + request.rest;
}

namespace {

// Of Result: 3 is one ref, 4 are several by name, 10 metadata; a ref has its id in 1, which is empty for an empty
// result.
Status examineRef(std::string_view message) {
  pbf_reader reader(message.data(), message.size());
  Result<bool> more = nextField(reader, "a ref");
  for (; more && *more; more = nextField(reader, "a ref")) {
    if (reader.tag() > 2) return unknownField("a ref", reader.tag());
    reader.skip();
  }
  return more ? Status{} : fail(more.error());
}

Status examineRefs(std::string_view message) {
  pbf_reader reader(message.data(), message.size());
  Result<bool> more = nextField(reader, "refs");
  for (; more && *more; more = nextField(reader, "refs")) {
    if (reader.tag() != 1) return unknownField("refs", reader.tag());
    const std::string entry = reader.get_string();
    pbf_reader pair(entry.data(), entry.size());
    bool valued = false;
    Result<bool> part = nextField(pair, "refs");
    for (; part && *part; part = nextField(pair, "refs")) {
      if (pair.tag() > 2) return unknownField("refs", pair.tag());
      if (pair.tag() == 1) {
        pair.skip();
        continue;
      }
      if (Status one = examineRef(pair.get_string()); !one) return one;
      valued = true;
    }
    if (!part) return fail(part.error());
    if (!valued) return fail(ErrorCode::Malformed, "a name without a result");
  }
  return more ? Status{} : fail(more.error());
}

Status examineResult(std::string_view message) {
  pbf_reader reader(message.data(), message.size());
  Attributes metadata;
  bool whole = false;
  Result<bool> more = nextField(reader, "a result");
  for (; more && *more; more = nextField(reader, "a result")) {
    const std::uint32_t field = reader.tag();
    const std::string part = reader.get_string();
    if (field != 3 && field != 4 && field != 10) return unknownField("a result", field);
    whole = whole || field != 10;
    Status one = field == 3   ? examineRef(part)
                 : field == 4 ? examineRefs(part)
                              : readAttribute("a result", part, metadata);
    if (!one) return one;
  }
  if (!more) return fail(more.error());
  const bool null =
      std::ranges::any_of(metadata, [](const auto& pair) { return pair.second.find('{') == std::string::npos; });
  if (!whole || null) return fail(ErrorCode::Malformed, "a result that is none");
  return {};
}

}  // namespace

Status examineReturn(std::string_view message) {
  const auto read = [&]() -> Status {
    pbf_reader reader(message.data(), message.size());
    bool said = false;
    Result<bool> more = nextField(reader, "what a build returns");
    for (; more && *more; more = nextField(reader, "what a build returns")) {
      const std::uint32_t field = reader.tag();
      const std::string part = reader.get_string();
      if (field > 2) return unknownField("what a build returns", field);
      if (field == 1) {
        if (Status one = examineResult(part); !one) return one;
      }
      said = true;
    }
    if (!more) return fail(more.error());
    return said ? Status{} : fail(ErrorCode::Malformed, "a build that returns nothing");
  };
  return guarded("what a build returns", read);
}

Result<std::string> readStatus(std::string_view message) {
  return guarded("the request for a build's status", [&]() -> Result<std::string> {
    std::string ref;
    pbf_reader reader(message.data(), message.size());
    Result<bool> more = nextField(reader, "the request for a build's status");
    for (; more && *more; more = nextField(reader, "the request for a build's status")) {
      if (reader.tag() != 1) return fail(unknownField("the request for a build's status", reader.tag()).error());
      ref = reader.get_string();
    }
    if (!more) return fail(more.error());
    return ref;
  });
}

std::string writeStatus(std::string_view ref) {
  std::string out;
  pbf_writer writer(out);
  writer.add_string(1, ref.data(), ref.size());
  return out;
}

std::vector<std::string> imagesOf(std::string_view answer) {
  const auto read = [&]() -> Result<Attributes> {
    Attributes told;
    pbf_reader reader(answer.data(), answer.size());
    while (reader.next()) {
      if (reader.tag() != 1 || reader.wire_type() != pbf_wire_type::length_delimited) {
        reader.skip();
      } else if (Status one = readAttribute("an answer", reader.get_string(), told); !one) {
        return fail(one.error());
      }
    }
    return told;
  };
  std::vector<std::string> ids;
  const Result<Attributes> told = guarded("the answer", read);
  if (!told) return ids;
  for (const std::string_view key : {"containerimage.digest", "containerimage.config.digest"}) {
    const auto found = told->find(key);
    if (found != told->end() && isDigest(found->second)) ids.push_back(found->second);
  }
  return ids;
}

}  // namespace ds01::buildkit
