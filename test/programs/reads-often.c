/*
 * argv[1] threads that open, read to its end and close a file or directory over and over, each the next one of argv[2] and so on. For each
 * line of its input it prints how often that has been done in all, and it ends with its input.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_long done;

static void *reads(void *path) {
  char *buffer = malloc(1 << 16);
  for (;;) {
    int fd = open(path, O_RDONLY);
    if (fd < 0) continue;
    while (read(fd, buffer, 1 << 16) > 0 || syscall(SYS_getdents64, fd, buffer, 1 << 16) > 0) continue;
    close(fd);
    done++;
  }
  return NULL;
}

int main(int argc, char **argv) {
  char line[16];
  pthread_t thread;
  for (int i = 0; i < atoi(argv[1]); i++)
    if (pthread_create(&thread, NULL, reads, argv[2 + i % (argc - 2)])) return 1;
  puts("ready");
  fflush(stdout);
  while (fgets(line, sizeof line, stdin)) {
    printf("%ld\n", atomic_load(&done));
    fflush(stdout);
  }
  return 0;
}
