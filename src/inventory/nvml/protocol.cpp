#include "inventory/nvml/protocol.h"

#include <set>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "base/utf8.h"

namespace ds01::inventory::nvml {
namespace {

namespace json = boost::json;

constexpr std::int64_t kVersion = 1;
constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kMostItems = 1024;
constexpr std::size_t kLongestText = 1024;
constexpr std::int64_t kMostNumber = 1LL << 40;

json::array textList(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

json::object encodeInstance(const MigReading& mig) {
  return {{"number", mig.number},
          {"uuid", mig.uuid},
          {"name", mig.name},
          {"gpu_slices", mig.gpu_slices},
          {"compute_slices", mig.compute_slices},
          {"memory_mib", mig.memory_mib},
          {"device_nodes", textList(mig.device_nodes)}};
}

json::object encodeGpu(const GpuReading& gpu) {
  json::array instances;
  for (const MigReading& mig : gpu.instances) instances.emplace_back(encodeInstance(mig));
  return {{"index", gpu.index},
          {"uuid", gpu.uuid},
          {"model", gpu.model},
          {"memory_mib", gpu.memory_mib},
          {"slices", gpu.slices},
          {"mig", gpu.mig},
          {"instances", std::move(instances)},
          {"device_nodes", textList(gpu.device_nodes)},
          {"trouble", gpu.trouble}};
}

// Takes the fields of one object; the first fault stays, and what is taken after it is empty.
class Fields {
 public:
  Fields(const json::object& object, std::string where, std::optional<Error>& error)
      : object_(object), where_(std::move(where)), error_(error) {}

  std::string text(std::string_view key) {
    const json::value* value = take(key);
    if (value && value->is_string() && value->get_string().size() <= kLongestText) {
      return std::string(value->get_string());
    }
    if (value) fault(key, "is no text, or too long");
    return {};
  }
  std::int64_t number(std::string_view key) {
    const json::value* value = take(key);
    const std::int64_t* number = value ? value->if_int64() : nullptr;
    if (number && *number >= 0 && *number <= kMostNumber) return *number;
    if (value) fault(key, "is not a number that can be");
    return 0;
  }
  bool flag(std::string_view key) {
    const json::value* value = take(key);
    if (value && value->is_bool()) return value->get_bool();
    if (value) fault(key, "is neither true nor false");
    return false;
  }
  std::vector<std::string> texts(std::string_view key) {
    std::vector<std::string> result;
    for (const json::value& item : list(key)) {
      if (item.is_string() && item.get_string().size() <= kLongestText) {
        result.emplace_back(item.get_string());
      } else {
        fault(key, "has an item that is no text, or too long");
      }
    }
    return result;
  }
  // `read` gets a Fields for each object of the list.
  template <typename Read>
  void objects(std::string_view key, Read read) {
    std::size_t position = 0;
    for (const json::value& item : list(key)) {
      if (!item.is_object()) return fault(key, "has an item that is no object");
      Fields fields(item.get_object(), fmt::format("{}{}[{}].", where_, key, position++), error_);
      read(fields);
      fields.finish();
    }
  }
  void finish() {
    for (const json::key_value_pair& member : object_) {
      if (!taken_.contains(std::string_view(member.key()))) fault(member.key(), "is unknown");
    }
  }
  void fault(std::string_view key, std::string_view what) {
    if (!error_) error_ = Error(ErrorCode::Malformed, fmt::format("{}{} {}", where_, key, what));
  }

 private:
  const json::value* take(std::string_view key) {
    taken_.emplace(key);
    const json::value* value = object_.if_contains(key);
    if (!value) fault(key, "is missing");
    return value;
  }
  const json::array& list(std::string_view key) {
    static const json::array kNone;
    const json::value* value = take(key);
    const json::array* items = value ? value->if_array() : nullptr;
    if (items && items->size() <= kMostItems) return *items;
    if (value) fault(key, "is no list, or too long");
    return kNone;
  }

  const json::object& object_;  // outlives this, and so does error_: all live in one decode()
  std::string where_;
  std::optional<Error>& error_;
  std::set<std::string, std::less<>> taken_;
};

MigReading decodeInstance(Fields& fields) {
  MigReading mig;
  mig.number = fields.number("number");
  mig.uuid = fields.text("uuid");
  mig.name = fields.text("name");
  mig.gpu_slices = fields.number("gpu_slices");
  mig.compute_slices = fields.number("compute_slices");
  mig.memory_mib = fields.number("memory_mib");
  mig.device_nodes = fields.texts("device_nodes");
  return mig;
}

GpuReading decodeGpu(Fields& fields) {
  GpuReading gpu;
  gpu.index = fields.number("index");
  gpu.uuid = fields.text("uuid");
  gpu.model = fields.text("model");
  gpu.memory_mib = fields.number("memory_mib");
  gpu.slices = fields.number("slices");
  gpu.mig = fields.flag("mig");
  fields.objects("instances", [&](Fields& instance) { gpu.instances.push_back(decodeInstance(instance)); });
  gpu.device_nodes = fields.texts("device_nodes");
  gpu.trouble = fields.text("trouble");
  return gpu;
}

Readings decodeReadings(Fields& fields) {
  Readings readings;
  readings.driver = fields.text("driver");
  fields.objects("gpus", [&](Fields& gpu) { readings.gpus.push_back(decodeGpu(gpu)); });
  readings.remarks = fields.texts("remarks");
  return readings;
}

}  // namespace

std::string encode(const Report& report) {
  json::object message{{"version", kVersion}, {"took_us", report.took.count()}};
  if (const auto* changed = std::get_if<Changed>(&report.what)) {
    json::array gpus;
    for (const GpuReading& gpu : changed->readings.gpus) gpus.emplace_back(encodeGpu(gpu));
    message["type"] = "changed";
    message["driver"] = changed->readings.driver;
    message["gpus"] = std::move(gpus);
    message["remarks"] = textList(changed->readings.remarks);
  } else if (const auto* failed = std::get_if<Failed>(&report.what)) {
    message["type"] = "failed";
    message["no_library"] = failed->no_library;
    message["why"] = failed->why.substr(0, kLongestText / 4);
  } else {
    message["type"] = "unchanged";
  }
  return replaceInvalidUtf8(json::serialize(message));
}

Result<Report> decode(std::string_view text) {
  boost::system::error_code code;
  const json::value value = json::parse(text, code);
  if (code || !value.is_object()) return fail(ErrorCode::Malformed, "no JSON object");
  std::optional<Error> error;
  Fields fields(value.get_object(), "", error);
  if (fields.number("version") != kVersion) fields.fault("version", "is not 1");
  const std::string type = fields.text("type");
  Report report;
  report.took = std::chrono::microseconds{fields.number("took_us")};
  if (type == "changed") {
    report.what = Changed{decodeReadings(fields)};
  } else if (type == "failed") {
    report.what = Failed{.no_library = fields.flag("no_library"), .why = fields.text("why")};
  } else if (type == "unchanged") {
    report.what = Unchanged{};
  } else {
    fields.fault("type", "is none of changed, unchanged, failed");
  }
  fields.finish();
  if (error) return fail(*std::move(error));
  return report;
}

std::string frame(std::string_view message) {
  std::string bytes;
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    bytes.push_back(static_cast<char>(message.size() >> (8 * (kLengthBytes - 1 - i)) & 0xFF));
  }
  return bytes.append(message);
}

Result<std::optional<std::string>> FrameReader::next() {
  if (buffer_.size() < kLengthBytes) return std::nullopt;
  std::size_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) length = length << 8 | static_cast<unsigned char>(buffer_[i]);
  if (length == 0 || length > kLongestFrame) {
    return fail(ErrorCode::Malformed, fmt::format("a frame of {} bytes", length));
  }
  if (buffer_.size() < kLengthBytes + length) return std::nullopt;
  std::string message = buffer_.substr(kLengthBytes, length);
  buffer_.erase(0, kLengthBytes + length);
  return message;
}

}  // namespace ds01::inventory::nvml
