/* Opens argv[1] for reading until it is refused, prints how often that went and the errno, and keeps all until its input ends. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
  (void)argc;
  int count = 0;
  char byte;
  while (open(argv[1], O_RDONLY) >= 0) count++;
  printf("ready\nopened %d errno %d\n", count, errno);
  fflush(stdout);
  return read(0, &byte, 1) < 0;
}
