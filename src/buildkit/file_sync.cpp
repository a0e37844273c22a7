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

constexpr std::size_t kLongestPath = 4095;  // PATH_MAX, and NAME_MAX
constexpr std::size_t kLongestName = 255;

struct Packet {
  std::uint64_t type = kStat;
  bool has_stat = false;
  FileStat stat;
  std::uint64_t id = 0;
  std::string data;
};

Status wrongField(std::string_view where, std::uint32_t field) {
  return fail(ErrorCode::Malformed, fmt::format("field {} of {} is not known to this server", field, where));
}

Status readStatField(pbf_reader& reader, FileStat& stat) {
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

std::string writeStat(const FileStat& stat) {
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

// What fsutil writes a file to before it has its name: opened without O_EXCL and O_NOFOLLOW, so a link of that name
// would be followed, and the digits can be foretold.
bool isTemporary(std::string_view name) {
  static constexpr std::string_view kPrefix = ".tmp.";
  return name.starts_with(kPrefix) && name.find_first_not_of("0123456789", kPrefix.size()) == std::string_view::npos;
}

// Names below where they are unpacked, as Go's path.Clean would leave them.
bool isClean(std::string_view path) {
  if (path.empty() || path.size() > kLongestPath || path.find('\0') != std::string_view::npos) return false;
  while (true) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (name.empty() || name == "." || name == ".." || name.size() > kLongestName || isTemporary(name)) return false;
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
  if (!isClean(path)) {
    return fail(ErrorCode::Malformed,
                "a file's path is not below the build context, too long, or reserved (\".tmp.1\")");
  }
  if ((mode & ~(kPermissions | kSetuid | kSetgid | kSticky | kDirectory | kLink)) != 0 ||
      (mode & (kDirectory | kLink)) == (kDirectory | kLink)) {
    return fail(ErrorCode::Malformed,
                fmt::format("\"{}\" is neither a file nor a directory nor a symbolic link; leave it out of the build "
                            "context (.dockerignore)",
                            path));
  }
  // Whatever else came since ends the directories it is not in: nothing is put below what is no directory any more.
  const std::string_view parent = parentOf(path);
  while (!lengths_.empty() && folder_ != parent) {
    lengths_.pop_back();
    folder_.resize(lengths_.empty() ? 0 : lengths_.back());
  }
  if (folder_ != parent) return fail(ErrorCode::Malformed, fmt::format("\"{}\" comes before its directory", path));
  if ((mode & kDirectory) != 0) {
    folder_ = path;
    lengths_.push_back(path.size());
  }
  if (open_.size() >= kMaxEntries) return fail(ErrorCode::Exhausted, fmt::format("more than {} files", kMaxEntries));
  open_.push_back((mode & (kDirectory | kLink)) == 0);
  return {};
}

// What comes for a file behind its end could still get into it, when the Engine has taken note of what it is.
Status SentFiles::takesData(std::uint64_t entry, bool last) {
  if (entry >= open_.size() || !open_[entry]) {
    return fail(ErrorCode::Malformed, fmt::format("contents for entry {}, which is no file or is complete", entry));
  }
  if (last) open_[entry] = false;
  return {};
}

Result<std::string> SentFiles::next(std::string_view bytes) {
  Result<Packet> packet = readPacket(bytes);
  if (!packet) return fail(packet.error().context("the files of a build"));
  // The Engine's reader ends itself, and dockerd, on an entry behind the last one.
  if (finished_ || (packet->type == kStat && listed_)) {
    return fail(ErrorCode::Malformed, "something follows the end of a build's files");
  }
  switch (packet->type) {
    case kStat:
      break;
    case kData:
    case kFinished:
    case kError:
      packet->has_stat = false;
      finished_ = packet->type != kData;
      if (finished_) return writePacket(*packet);
      if (Status takes = takesData(packet->id, packet->data.empty()); !takes) return fail(takes.error());
      return writePacket(*packet);
    default:
      return fail(ErrorCode::Malformed, fmt::format("a packet of kind {} among the files of a build", packet->type));
  }
  packet->data.clear();
  listed_ = !packet->has_stat;
  if (Status fit = packet->has_stat ? examine(packet->stat) : Status(); !fit) return fail(fit.error());
  return writePacket(*packet);
}

Status SentFiles::examine(FileStat& stat) {
  if (stat.mode > UINT32_MAX) return fail(ErrorCode::Malformed, "a file's mode is no number of 32 bits");
  const auto mode = static_cast<std::uint32_t>(stat.mode);
  if (stat.link.size() > kLongestPath || stat.link.find('\0') != std::string::npos) {
    return fail(ErrorCode::Malformed, fmt::format("the target of the link \"{}\" is too long, or no path", stat.path));
  }
  if ((mode & kLink) == 0) stat.link.clear();
  return fits(stat.path, mode);
}

}  // namespace ds01::buildkit
