/* What a container with a GPU runs in the tests of faults: it takes the lock of its slot, a file in DIRECTORY, and keeps
 * it until it ends, at SIGTERM at once. If another process has it, a line in DIRECTORY/twice names the slot and both
 * containers. Static, so that any image will do.
 *
 *   slot_user DIRECTORY
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static void end(int signal_number) {
  _exit(signal_number == SIGTERM ? 3 : 4);
}

int main(int count, char **arguments) {
  const char *slot = getenv("NVIDIA_VISIBLE_DEVICES");
  char name[64] = "", holder[64] = "";
  if (count != 2 || slot == NULL || chdir(arguments[1]) != 0) return 2;
  signal(SIGTERM, end);
  gethostname(name, sizeof name - 1);
  const int lock = open(slot, O_RDWR);
  if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0) {
    if (ftruncate(lock, 0) != 0 || pwrite(lock, name, strlen(name), 0) < 0) return 2;
  } else {
    FILE *twice = fopen("twice", "a");
    if (lock < 0 || pread(lock, holder, sizeof holder - 1, 0) < 0) strcpy(holder, "?");
    if (twice != NULL) fprintf(twice, "%s %s %s\n", slot, name, holder), fclose(twice);
  }
  for (;;) pause();
}
