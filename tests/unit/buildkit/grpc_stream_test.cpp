#include "buildkit/grpc_stream.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "buildkit/grpc.h"

namespace ds01::buildkit {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(MessageSplitter, piecesMakeNoDifference) {
  const std::string stream = framed("one") + framed("") + framed(std::string(300, 'x')) + framed("last");
  for (std::size_t size = 1; size <= stream.size(); ++size) {
    MessageSplitter splitter(1000);
    std::vector<std::string> got;
    for (std::size_t at = 0; at < stream.size(); at += size) {
      for (std::string& message : splitter.feed(std::string_view(stream).substr(at, size))) {
        got.push_back(std::move(message));
      }
    }
    ASSERT_THAT(got, ElementsAre("one", "", std::string(300, 'x'), "last")) << size;
  }
}

TEST(MessageSplitter, leavesOutWhatIsTooLongOrCompressed) {
  MessageSplitter splitter(4);
  std::string compressed = framed("zip");
  compressed[0] = '\1';
  EXPECT_THAT(splitter.feed(framed("12345") + framed("1234") + compressed + framed("abc")), ElementsAre("1234", "abc"));
  EXPECT_THAT(splitter.feed(framed("12345").substr(0, 7)), IsEmpty());
  EXPECT_THAT(splitter.feed("345" + framed("x")), ElementsAre("x"));
}

TEST(PercentDecoded, readsWhatIsWritten) {
  const std::string text = "exit code: 7, 100% \xc3\xa9\n\t\"";
  EXPECT_EQ(percentDecoded(percentEncoded(text)), text);
  EXPECT_EQ(percentDecoded("a%2fb%2Fc"), "a/b/c");
  EXPECT_EQ(percentDecoded("%"), "%");
  EXPECT_EQ(percentDecoded("%4"), "%4");
  EXPECT_EQ(percentDecoded("%zz%41"), "%zzA");
}

}  // namespace
}  // namespace ds01::buildkit
