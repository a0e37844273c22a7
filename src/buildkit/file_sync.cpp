#include "buildkit/file_sync.h"

#include <cstdint>
#include <utility>

#include <fmt/format.h>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

namespace ds01::buildkit {

namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;
using protozero::pbf_writer;

// Packet.type.
constexpr std::uint64_t kStat = 0;
constexpr std::uint64_t kData = 2;
constexpr std::uint64_t kFinished = 3;
constexpr std::uint64_t kError = 4;

// Stat.mode is a FileMode of Go's io/fs.
constexpr std::uint32_t kDirectory = 1U << 31U;
constexpr std::uint32_t kLink = 1U << 27U;
constexpr std::uint32_t kSetuid = 1U << 23U;
constexpr std::uint32_t kSetgid = 1U << 22U;
constexpr std::uint32_t kSticky = 1U << 20U;
constexpr std::uint32_t kPermissions = 0777;

constexpr std::size_t kLongestPath = 4096;  // PATH_MAX

struct Stat {
  std::string path;
  std::uint64_t mode = 0;
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
  std::uint64_t size = 0;
  std::uint64_t modified = 0;
  std::string link;
};

struct Packet {
  std::uint64_t type = kStat;
  bool has_stat = false;
  Stat stat;
  std::uint64_t id = 0;
  std::string data;
};

Status wrongField(std::string_view where, std::uint32_t field) {
  return fail(ErrorCode::Malformed, fmt::format("field {} of {} is not known to this server", field, where));
}

Status readStatField(pbf_reader& reader, Stat& stat) {
  constexpr std::uint32_t kLastField = 10;
  const std::uint32_t field = reader.tag();
  const bool text = field == 1 || field == 7 || field == kLastField;
  const pbf_wire_type expected = text ? pbf_wire_type::length_delimited : pbf_wire_type::varint;
  if (field > kLastField || reader.wire_type() != expected) return wrongField("a file's entry", field);
  switch (field) {
    case 1:
      stat.path = reader.get_string();
      break;
    case 2:
      stat.mode = reader.get_uint64();
      break;
    case 3:
      stat.uid = reader.get_uint64();
      break;
    case 4:
      stat.gid = reader.get_uint64();
      break;
    case 5:
      stat.size = reader.get_uint64();
      break;
    case 6:
      stat.modified = reader.get_uint64();
      break;
    case 7:
      stat.link = reader.get_string();
      break;
    default:  // numbers of devices, and extended attributes, which would be set through links too
      reader.skip();
  }
  return {};
}

Status readPacketField(pbf_reader& reader, Packet& packet) {
  const std::uint32_t field = reader.tag();
  const bool text = field == 2 || field == 4;
  const pbf_wire_type expected = text ? pbf_wire_type::length_delimited : pbf_wire_type::varint;
  if (field > 4 || reader.wire_type() != expected) return wrongField("a packet", field);
  switch (field) {
    case 1:
      packet.type = reader.get_uint64();
      break;
    case 2: {
      const protozero::data_view bytes = reader.get_view();
      packet.has_stat = true;
      pbf_reader stat(bytes);  // a second one is merged into the first, as protobuf has it
      while (stat.next()) {
        if (Status read = readStatField(stat, packet.stat); !read) return read;
      }
      break;
    }
    case 3:
      packet.id = reader.get_uint64();
      break;
    default:
      packet.data = reader.get_string();
  }
  return {};
}

Result<Packet> readPacket(std::string_view bytes) {
  try {
    Packet packet;
    pbf_reader reader(bytes.data(), bytes.size());
    while (reader.next()) {
      if (Status read = readPacketField(reader, packet); !read) return fail(read.error());
    }
    return packet;
  } catch (const protozero::exception& error) {
    return fail(ErrorCode::Malformed, fmt::format("no protobuf message: {}", error.what()));
  }
}

void addNumber(pbf_writer& writer, std::uint32_t field, std::uint64_t value) {
  if (value != 0) writer.add_uint64(field, value);
}

std::string writeStat(const Stat& stat) {
  std::string out;
  pbf_writer writer(out);
  writer.add_string(1, stat.path);
  addNumber(writer, 2, stat.mode);
  addNumber(writer, 3, stat.uid);
  addNumber(writer, 4, stat.gid);
  addNumber(writer, 5, stat.size);
  addNumber(writer, 6, stat.modified);
  if (!stat.link.empty()) writer.add_string(7, stat.link);
  return out;
}

std::string writePacket(const Packet& packet) {
  std::string out;
  pbf_writer writer(out);
  addNumber(writer, 1, packet.type);
  if (packet.has_stat) writer.add_message(2, writeStat(packet.stat));
  addNumber(writer, 3, packet.id);
  if (!packet.data.empty()) writer.add_bytes(4, packet.data);
  return out;
}

// Names below where they are unpacked, as Go's path.Clean would leave them.
bool isClean(std::string_view path) {
  if (path.empty() || path.size() > kLongestPath || path.find('\0') != std::string_view::npos) return false;
  while (true) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (name.empty() || name == "." || name == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

std::string_view parentOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

}  // namespace

Status SentFiles::fits(std::string_view path, std::uint32_t mode) {
  if (!isClean(path)) return fail(ErrorCode::Malformed, "a file's path is not below the build context");
  if ((mode & ~(kPermissions | kSetuid | kSetgid | kSticky | kDirectory | kLink)) != 0 ||
      (mode & (kDirectory | kLink)) == (kDirectory | kLink)) {
    return fail(ErrorCode::Malformed,
                fmt::format("\"{}\" is neither a file nor a directory nor a symbolic link; leave it out of the build "
                            "context (.dockerignore)",
                            path));
  }
  // Whatever else came since ends the directories it is not in: nothing is put below what is no directory any more.
  const std::string_view parent = parentOf(path);
  while (!parents_.empty() && parents_.back() != parent) parents_.pop_back();
  if (parents_.empty() && !parent.empty()) {
    return fail(ErrorCode::Malformed, fmt::format("\"{}\" comes before its directory", path));
  }
  if ((mode & kDirectory) != 0) parents_.emplace_back(path);
  return {};
}

Result<std::string> SentFiles::next(std::string_view bytes) {
  Result<Packet> packet = readPacket(bytes);
  if (!packet) return fail(packet.error().context("the files of a build"));
  switch (packet->type) {
    case kStat:
      break;
    case kData:
    case kFinished:
    case kError:
      packet->has_stat = false;
      return writePacket(*packet);
    default:
      return fail(ErrorCode::Malformed, fmt::format("a packet of kind {} among the files of a build", packet->type));
  }
  packet->data.clear();
  if (!packet->has_stat) return writePacket(*packet);  // there are no more
  Stat& stat = packet->stat;
  if (stat.mode > UINT32_MAX) return fail(ErrorCode::Malformed, "a file's mode is no number of 32 bits");
  const auto mode = static_cast<std::uint32_t>(stat.mode);
  if (Status fit = fits(stat.path, mode); !fit) return fail(fit.error());
  if ((mode & kLink) == 0) stat.link.clear();
  return writePacket(*packet);
}

}  // namespace ds01::buildkit
