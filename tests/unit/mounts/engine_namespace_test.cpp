#include "mounts/pins/engine_namespace.h"

#include <csignal>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "support/temp_dir.h"

namespace ds01::mounts::pins {
namespace {

using testing::HasSubstr;

// A socket on which a process listens that ends before this returns, as a dockerd that was killed does while another
// still holds what it had open.
Fd listenedToBefore(const std::string& path) {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::listen(socket.get(), 4);
    ::kill(::getpid(), SIGKILL);
  }
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
  return socket;
}

TEST(EngineNamespace, Root_OfAnEngineThatHasEndedIsAskedForLater) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root enters other namespaces";
  const test::TempDir directory;
  const std::string path = directory.path() + "/docker.sock";
  const Fd socket = listenedToBefore(path);
  const Status entered = enterEngineNamespace(path);
  ASSERT_FALSE(entered);
  EXPECT_EQ(entered.error().code(), ErrorCode::Unavailable);
  EXPECT_THAT(entered.error().message(), HasSubstr("the Docker Engine does not answer at " + path));
}

}  // namespace
}  // namespace ds01::mounts::pins
