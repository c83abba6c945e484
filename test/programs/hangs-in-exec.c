/*
 * Becomes a process inside exec that never comes out of it: hangs-in-exec FILE, FILE on a file system that never answers
 * FLUSH. It is open close-on-exec, so exec closes it, with exec_update_lock held. Prints its pid first.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
  (void)argc;
  if (open(argv[1], O_RDWR | O_CLOEXEC) < 0) {
    perror(argv[1]);
    return 1;
  }
  printf("pid %d\n", getpid());
  fflush(stdout);
  execl("/bin/sleep", "sleep", "1000", (char *)0);
  return 1;
}
