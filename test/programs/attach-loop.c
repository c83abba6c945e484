/* Attaches to and lets go of a process by its ctl, argv[1], until its standard input ends. Prints how often that was accepted. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
  (void)argc;
  long accepted = 0;
  struct pollfd end = {.fd = 0, .events = POLLIN};
  int fd = open(argv[1], O_WRONLY);
  puts("ready");
  fflush(stdout);
  for (unsigned turn = 0; poll(&end, 1, 0) == 0; turn++) {
    accepted += pwrite(fd, "attach", 6, 0) > 0;
    usleep(turn * 7919 % 1000);
    if (pwrite(fd, "run", 3, 0) < 0) usleep(100);
    if (pwrite(fd, "detach", 6, 0) < 0) usleep(100);
  }
  printf("accepted %ld\n", accepted);
  return 0;
}
