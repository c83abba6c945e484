/*
 * Does to process PID what each argument says, in a child of its own each, and prints which came back within MS milliseconds:
 *
 *   what-waits PID MS read:stat open:mem link:exe list:task dir: call:kcmp ...
 *
 * A line each: the argument, `returns` and what it returned, or `waits`.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#define SYS_pidfd_send_signal 424
#define SYS_pidfd_getfd 438
#endif
#define PTRACE_SEIZE 0x4206

static int target;
static char buffer[65536];

static long call(const char *name) {
  struct iovec local = {buffer, 8}, remote = {(void *)0x400000, 8};
  struct timespec time;
  struct stat stat;
  char path[64];
  if (!strcmp(name, "kcmp")) return syscall(SYS_kcmp, target, getpid(), 1, 0, 0);
  if (!strcmp(name, "get_robust_list")) return syscall(SYS_get_robust_list, target, buffer, buffer + 8);
  if (!strcmp(name, "pidfd_open")) return syscall(SYS_pidfd_open, target, 0);
  if (!strcmp(name, "pidfd_stat")) return fstat(syscall(SYS_pidfd_open, target, 0), &stat);
  if (!strcmp(name, "pidfd_info")) {
    unsigned long long info[8] = {3};
    return ioctl(syscall(SYS_pidfd_open, target, 0), 0xc040ff0b, info);
  }
  if (!strcmp(name, "pidfd_send_signal")) return syscall(SYS_pidfd_send_signal, syscall(SYS_pidfd_open, target, 0), 0, 0, 0);
  if (!strcmp(name, "pidfd_getfd")) return syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, target, 0), 0, 0);
  if (!strcmp(name, "kill")) return kill(target, 0);
  if (!strcmp(name, "tgkill")) return syscall(SYS_tgkill, target, target, 0);
  if (!strcmp(name, "getpgid")) return getpgid(target);
  if (!strcmp(name, "getsid")) return getsid(target);
  if (!strcmp(name, "prlimit")) return syscall(SYS_prlimit64, target, 0, 0, buffer);
  if (!strcmp(name, "cpu_clock")) return clock_gettime(((clockid_t)~target) << 3 | 2, &time);
  if (!strcmp(name, "process_vm_readv")) return process_vm_readv(target, &local, 1, &remote, 1, 0);
  if (!strcmp(name, "ptrace_seize")) return syscall(SYS_ptrace, PTRACE_SEIZE, target, 0, 0);
  if (!strcmp(name, "statx_directory")) {
    snprintf(path, sizeof path, "/proc/%d", target);
    return lstat(path, &stat);
  }
  fprintf(stderr, "no call %s\n", name);
  _exit(99);
}

static long act(const char *what) {
  char path[200];
  const char *name = strchr(what, ':') + 1;
  if (what[0] == 'c') return call(name);
  snprintf(path, sizeof path, "/proc/%d/%s", target, name);
  if (what[0] == 'l') return what[2] == 'n' ? readlink(path, buffer, sizeof buffer) : open(path, O_RDONLY | O_DIRECTORY);
  if (what[0] == 'o') return open(path, O_RDWR);
  int fd = open(path, O_RDONLY);
  return fd < 0 ? fd : read(fd, buffer, sizeof buffer);
}

int main(int argc, char **argv) {
  int children[argc], status, left = argc - 3;
  target = atoi(argv[1]);
  for (int i = 3; i < argc; i++) {
    children[i] = fork();
    if (children[i] == 0) {
      errno = 0;
      _exit(act(argv[i]) < 0 ? errno : 0);
    }
  }
  for (int turn = atoi(argv[2]); turn > 0 && left > 0; turn--) {
    usleep(1000);
    for (int i = 3; i < argc; i++) {
      if (children[i] == 0 || waitpid(children[i], &status, WNOHANG) != children[i]) continue;
      printf("%s returns %s\n", argv[i], strerror(WEXITSTATUS(status)));
      children[i] = 0;
      left--;
    }
  }
  for (int i = 3; i < argc; i++) {
    if (children[i] == 0) continue;
    kill(children[i], SIGKILL);
    waitpid(children[i], &status, 0);
    printf("%s waits\n", argv[i]);
  }
  return 0;
}
