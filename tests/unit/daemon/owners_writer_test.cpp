#include "daemon/owners_writer.h"

#include <fstream>
#include <iterator>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include "support/asio_runner.h"
#include "support/temp_dir.h"

namespace ds01::daemon {
namespace {

using namespace std::chrono_literals;

class OwnersWriterTest : public testing::Test {
 protected:
  void start(const std::string& directory) {
    writer.emplace(runner.executor(), OwnersWriterParts{.pool = pool,
                                                        .file = ownership::OwnersFile(directory, 20ms),
                                                        .document = [this] { return document; },
                                                        .on_failure = [this](std::string_view) { ++failures; },
                                                        .gather = 1ms,
                                                        .retry = 1h});
    writer->onChange([this](OwnersWriter::Text text) { told.push_back(std::move(text)); });
    boost::asio::co_spawn(runner.executor(), writer->run(), boost::asio::detached);
  }
  std::string onDisk() const {
    std::ifstream in(dir.file("opa/container-owners.json"), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }

  ds01::test::TempDir dir;
  net::BlockingPool pool{1, 4};
  ownership::OwnersDocument document;
  int failures = 0;
  std::vector<OwnersWriter::Text> told;
  ds01::test::AsioRunner runner;
  std::optional<OwnersWriter> writer;
};

TEST_F(OwnersWriterTest, WritesAndTellsEachChange) {
  start(dir.file("opa"));
  EXPECT_EQ(writer->current(), nullptr);
  writer->changed();
  runner.turn([this] { return told.size() == 1; });
  EXPECT_EQ(onDisk(), *told[0]);
  document.admins = {"carol"};
  for (int i = 0; i < 100; ++i) writer->changed();
  runner.turn([this] { return told.size() >= 2 && told.back()->contains("carol"); });
  EXPECT_LE(told.size(), 3u);
  EXPECT_EQ(*writer->current(), *told.back());
  EXPECT_EQ(failures, 0);
}

TEST_F(OwnersWriterTest, ADiskThatTakesNothingKeepsNobodyFromTheText) {
  std::ofstream(dir.file("opa")) << "in the way";
  start(dir.file("opa"));
  writer->changed();
  runner.turn([this] { return failures == 1; });
  EXPECT_EQ(told.size(), 1u);
  document.admins = {"carol"};
  writer->changed();
  runner.turn([this] { return failures == 2; });
  EXPECT_TRUE(told.back()->contains("carol"));
}

}  // namespace
}  // namespace ds01::daemon
