// What a container with CAP_SYS_PTRACE can reach, for tests/vm. `attach PID`: whether that process can be attached to.
// `catch SECONDS`: looks for processes that have capabilities which it lacks itself, as runc has on its way into a
// container, and tries to attach to each; says how many it saw, and how many it got hold of.
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIDS 4194304

static unsigned char seen[PIDS], caught[PIDS];

static unsigned long long effective(int pid) {
  char path[64], text[4096];
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  const int fd = open(path, O_RDONLY);
  if (fd < 0) return 0;
  const ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  if (size <= 0) return 0;
  text[size] = '\0';
  const char* line = strstr(text, "CapEff:");
  return line == NULL ? 0 : strtoull(line + 7, NULL, 16);
}

static int opens_memory(int pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  const int fd = open(path, O_RDWR);
  if (fd < 0) return 0;
  close(fd);
  return 1;
}

static int attach(int pid) {
  const int attached = ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0;
  const char* how = attached ? "attached" : strerror(errno);
  printf("%s; memory: %s\n", how, opens_memory(pid) ? "open" : "closed");
  return !attached;
}

static void try_one(int pid, unsigned long long own) {
  const unsigned long long theirs = effective(pid);
  if ((theirs & ~own) == 0) return;
  seen[pid] = 1;
  if (caught[pid]) return;
  const int attached = ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0;
  if (!attached && !opens_memory(pid)) return;
  caught[pid] = 1;
  printf("caught %llx by %s\n", effective(pid), attached ? "ptrace" : "memory");
  fflush(stdout);
  if (!attached || ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) != 0) return;
  waitpid(pid, NULL, __WALL);
  ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

static int watch(int seconds) {
  const unsigned long long own = effective(getpid());
  const time_t end = time(NULL) + seconds;
  printf("ready %llx\n", own);
  fflush(stdout);
  while (time(NULL) < end) {
    DIR* proc = opendir("/proc");
    if (proc == NULL) return 1;
    for (struct dirent* entry; (entry = readdir(proc)) != NULL;) {
      const int pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;
      if (pid > 0 && pid < PIDS && pid != getpid()) try_one(pid, own);
    }
    closedir(proc);
  }
  int saw = 0, got = 0;
  for (int pid = 0; pid < PIDS; ++pid) {
    saw += seen[pid];
    got += caught[pid];
  }
  printf("saw %d, caught %d\n", saw, got);
  return 0;
}

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "attach") == 0) return attach(atoi(argv[2]));
  if (argc == 3 && strcmp(argv[1], "catch") == 0) return watch(atoi(argv[2]));
  fprintf(stderr, "usage: ptrace_probe attach PID | catch SECONDS\n");
  return 2;
}
