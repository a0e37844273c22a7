/* A client for places that have nothing else, such as a container: one GET over a Unix socket, the whole answer on
 * stdout. Static, so that any image will do.
 *
 *   peer get SOCKET TARGET        as itself
 *   peer orphan SOCKET TARGET     connects, leaves the connection to a child and exits; the child asks when it is gone
 *   peer flood SOCKET TARGET      asks again and again; one line with the status for each answer
 *   peer crowd SOCKET TARGET      30 processes with a uid each, which ask over ten connections each without end; one line
 *                                 with the status of the first answer on each, or "closed"
 */
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int connect_to(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
    perror("connect");
    exit(2);
  }
  return fd;
}

static size_t ask(int fd, const char *target, char *answer, size_t room) {
  char head[1024];
  const int size = snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n", target);
  size_t have = 0;
  if (write(fd, head, (size_t)size) != size) return 0;
  for (ssize_t got; have < room && (got = read(fd, answer + have, room - have)) > 0;) have += (size_t)got;
  return have;
}

static int get(int fd, const char *target) {
  static char answer[1 << 20];
  const size_t have = ask(fd, target, answer, sizeof answer);
  return have > 0 && fwrite(answer, 1, have, stdout) == have && fflush(stdout) == 0 ? 0 : 1;
}

static int orphan(const char *path, const char *target) {
  int done[2];
  if (pipe(done) != 0) return 2;
  const pid_t opener = fork();
  if (opener == 0) {
    const int fd = connect_to(path);
    const pid_t self = getpid();
    if (fork() != 0) _exit(0);
    while (getppid() == self) usleep(1000);
    const char code = (char)get(fd, target);
    _exit(write(done[1], &code, 1) == 1 ? 0 : 2);
  }
  close(done[1]);
  waitpid(opener, NULL, 0);
  char code = 2;
  return read(done[0], &code, 1) == 1 ? code : 2;
}

_Noreturn static void flood(const char *path, const char *target) {
  static char answer[4096];
  for (;;) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
      const size_t have = ask(fd, target, answer, sizeof answer - 1);
      answer[have] = 0;
      printf("%.12s\n", answer);
      fflush(stdout);
    }
    close(fd);
  }
}

enum { kProcesses = 30, kEach = 10, kFirstUid = 20001 };

static void answer_of(int *fd, int tell) {
  static char answer[1 << 16];
  const ssize_t got = *fd < 0 ? 0 : read(*fd, answer, sizeof answer - 1);
  if (got <= 0) {
    close(*fd);
    *fd = -1;
  }
  answer[got > 0 ? got : 0] = 0;
  if (tell) printf("%d %.12s\n", (int)getuid(), got > 0 ? answer : "closed");
}

_Noreturn static void one_of_crowd(const char *path, const char *target) {
  char head[1024];
  const int size = snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: docker\r\n\r\n", target);
  int fds[kEach];
  for (int i = 0; i < kEach; i++) fds[i] = -1;
  for (int first = 1;; first = 0) {
    for (int i = 0; i < kEach; i++) {
      if (fds[i] < 0) fds[i] = connect_to(path);
      if (send(fds[i], head, (size_t)size, MSG_NOSIGNAL) != size) {
        close(fds[i]);
        fds[i] = -1;
      }
    }
    for (int i = 0; i < kEach; i++) answer_of(&fds[i], first);
    fflush(stdout);
  }
}

static int crowd(const char *path, const char *target) {
  for (int i = 0; i < kProcesses; i++) {
    if (fork() != 0) continue;
    const uid_t uid = (uid_t)(kFirstUid + i);
    if (setgroups(0, NULL) != 0 || setgid(uid) != 0 || setuid(uid) != 0) {
      perror("setuid");
      _exit(2);
    }
    one_of_crowd(path, target);
  }
  for (int status = 0; wait(&status) > 0;) {
    if (status != 0) return 2;
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 4) return 64;
  if (strcmp(argv[1], "get") == 0) return get(connect_to(argv[2]), argv[3]);
  if (strcmp(argv[1], "orphan") == 0) return orphan(argv[2], argv[3]);
  if (strcmp(argv[1], "flood") == 0) flood(argv[2], argv[3]);
  if (strcmp(argv[1], "crowd") == 0) return crowd(argv[2], argv[3]);
  return 64;
}
