/* Installs a handler whose struct sigaction lies in memory that never answers: whoever reads it waits. Says that it begins. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
  int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
  if (fd < 0) return perror("userfaultfd"), 1;
  struct uffdio_api api = {.api = UFFD_API};
  void *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct uffdio_register range = {.range = {(unsigned long)page, 4096}, .mode = UFFDIO_REGISTER_MODE_MISSING};
  if (ioctl(fd, UFFDIO_API, &api) < 0 || ioctl(fd, UFFDIO_REGISTER, &range) < 0) return perror("ioctl"), 1;
  puts("begins");
  fflush(stdout);
  return syscall(SYS_rt_sigaction, SIGUSR1, page, 0, 8);
}
