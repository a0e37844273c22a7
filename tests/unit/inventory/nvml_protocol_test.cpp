#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "inventory/nvml/protocol.h"

namespace ds01::inventory::nvml {
namespace {

using ::testing::HasSubstr;

Readings everything() {
  MigReading mig;
  mig.number = 3;
  mig.uuid = "MIG-a";
  mig.name = "NVIDIA H100 MIG 1g.10gb";
  mig.gpu_slices = mig.compute_slices = 1;
  mig.memory_mib = 9856;
  mig.device_nodes = {"/dev/nvidia-caps/nvidia-cap30"};
  GpuReading gpu;
  gpu.index = 1;
  gpu.uuid = "GPU-a";
  gpu.model = "NVIDIA H100 80GB HBM3";
  gpu.memory_mib = 81559;
  gpu.slices = 7;
  gpu.mig = true;
  gpu.instances = {mig};
  gpu.device_nodes = {"/dev/nvidia1"};
  gpu.trouble = "it is \"lost\"";
  return {.driver = "580.159.04", .gpus = {gpu, {}}, .remarks = {"one", "two"}};
}

TEST(Protocol, CarriesReports) {
  const Result<Report> changed =
      decode(encode({.what = Changed{everything()}, .took = std::chrono::microseconds{14'250}}));
  ASSERT_TRUE(changed) << changed.error().message();
  EXPECT_EQ(std::get<Changed>(changed->what).readings, everything());
  EXPECT_EQ(changed->took.count(), 14'250);
  const Result<Report> unchanged = decode(encode({.what = Unchanged{}}));
  ASSERT_TRUE(unchanged);
  EXPECT_TRUE(std::holds_alternative<Unchanged>(unchanged->what));
  const Result<Report> failed = decode(encode({.what = Failed{.no_library = true, .why = "cannot \xff open"}}));
  ASSERT_TRUE(failed);
  EXPECT_TRUE(std::get<Failed>(failed->what).no_library);
  EXPECT_EQ(std::get<Failed>(failed->what).why, "cannot \xEF\xBF\xBD open");
}

TEST(Protocol, RefusesWhatTheChildWouldNotSay) {
  const auto fault = [](std::string_view text) {
    const Result<Report> report = decode(text);
    if (report) return std::string("none");
    EXPECT_EQ(report.error().code(), ErrorCode::Malformed);
    return report.error().message();
  };
  EXPECT_EQ(fault(R"({"version":1,"took_us":0,"type":"unchanged"})"), "none");
  EXPECT_EQ(fault("["), "no JSON object");
  EXPECT_EQ(fault("[]"), "no JSON object");
  EXPECT_EQ(fault("{}"), "version is missing");
  EXPECT_EQ(fault(R"({"version":2,"took_us":0,"type":"unchanged"})"), "version is not 1");
  EXPECT_EQ(fault(R"({"version":1,"took_us":-1,"type":"unchanged"})"), "took_us is not a number that can be");
  EXPECT_EQ(fault(R"({"version":1,"took_us":0,"type":"unchanged","more":1})"), "more is unknown");
  EXPECT_EQ(fault(R"({"version":1,"took_us":0,"type":"other"})"), "type is none of changed, unchanged, failed");
  EXPECT_EQ(fault(R"({"version":1,"took_us":0,"type":"failed","no_library":1,"why":""})"),
            "no_library is neither true nor false");
  EXPECT_EQ(fault(R"({"version":1,"took_us":0,"type":"changed","driver":"","remarks":[],"gpus":{}})"),
            "gpus is no list, or too long");
  EXPECT_EQ(fault(R"({"version":1,"took_us":0,"type":"changed","driver":"","remarks":[1],"gpus":[]})"),
            "remarks has an item that is no text, or too long");
  EXPECT_EQ(fault(R"({"version":1,"took_us":0,"type":"changed","driver":"","remarks":[],"gpus":[1]})"),
            "gpus has an item that is no object");
}

TEST(Protocol, NamesThePlaceOfAFaultInAList) {
  std::string text = encode({.what = Changed{everything()}});
  text.replace(text.find("\"gpu_slices\":1"), 14, "\"gpu_slices\":[]");
  EXPECT_EQ(decode(text).error().message(), "gpus[0].instances[0].gpu_slices is not a number that can be");
  text = encode({.what = Changed{everything()}});
  text.replace(text.find("\"mig\":false"), 11, "\"mug\":false");
  EXPECT_EQ(decode(text).error().message(), "gpus[1].mig is missing");
}

TEST(Protocol, TextsAndListsAreBounded) {
  Readings long_text;
  long_text.driver.assign(1025, 'x');
  EXPECT_THAT(decode(encode({.what = Changed{long_text}})).error().message(), HasSubstr("driver is no text, or too"));
  Readings long_list;
  long_list.remarks.assign(1025, "x");
  EXPECT_THAT(decode(encode({.what = Changed{long_list}})).error().message(), HasSubstr("remarks is no list, or too"));
  // What the library says may be of any length.
  EXPECT_TRUE(decode(encode({.what = Failed{.why = std::string(100'000, 'x')}})));
}

TEST(FrameReader, PutsMessagesTogetherFromAnyPieces) {
  const std::string bytes = frame("first") + frame("the second one") + frame("3");
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    FrameReader reader;
    std::string seen;
    for (std::size_t i = 0; i < bytes.size(); i += piece) {
      reader.append(std::string_view(bytes).substr(i, piece));
      for (Result<std::optional<std::string>> message = reader.next(); *message; message = reader.next()) {
        seen += **message + "|";
      }
    }
    EXPECT_EQ(seen, "first|the second one|3|") << piece;
  }
}

TEST(FrameReader, RefusesFramesThatCannotBe) {
  FrameReader empty;
  empty.append(std::string(4, '\0'));
  EXPECT_FALSE(empty.next());
  FrameReader huge;
  huge.append("HTTP/1.1 200 OK");
  EXPECT_EQ(huge.next().error().code(), ErrorCode::Malformed);
}

}  // namespace
}  // namespace ds01::inventory::nvml
