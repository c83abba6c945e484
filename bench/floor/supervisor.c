/*
 * The least a supervisor can do: traps the same calls as `lyonnais run`, lets every one go on, keeps no accounts.
 * supervisor [-p US] CMD [ARG...]: runs the command and exits as it does; US microseconds pass before each answer, and behind it.
 * supervisor -most BYTES CMD [ARG...]: an mmap of more fails with ENOMEM.
 * supervisor -by PROGRAM SCRIPT CMD [ARG...]: has `PROGRAM SCRIPT PID` do the rest, which gets the listener as descriptor 3.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif

#define ARG(i) offsetof(struct seccomp_data, args[i])
#define LOAD(at) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at)
#define RET(what) BPF_STMT(BPF_RET | BPF_K, what)
#define CALL(nr, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, skip)
#define SET(bits, skip) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, skip)
#define CLEAR(bits, skip) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, skip, 0)
#define NOTIFY RET(SECCOMP_RET_USER_NOTIF)
#define ALLOW RET(SECCOMP_RET_ALLOW)

static struct sock_filter filter[] = {
    LOAD(offsetof(struct seccomp_data, nr)),
    CALL(__NR_mmap, 7), LOAD(ARG(3)), CLEAR(MAP_NORESERVE, 4), SET(MAP_PRIVATE, 2), LOAD(ARG(2)), SET(PROT_WRITE, 1), NOTIFY, ALLOW,
    CALL(__NR_mprotect, 4), LOAD(ARG(2)), SET(PROT_WRITE, 1), NOTIFY, ALLOW,
    CALL(__NR_brk, 4), LOAD(ARG(0)), SET(0xffffffff, 1), NOTIFY, ALLOW,
    CALL(__NR_clone, 4), LOAD(ARG(0)), CLEAR(CLONE_THREAD, 1), NOTIFY, ALLOW,
    CALL(__NR_mremap, 1), NOTIFY,
#ifdef __NR_fork
    CALL(__NR_fork, 1), NOTIFY,
    CALL(__NR_vfork, 1), NOTIFY,
#endif
    CALL(__NR_execve, 1), NOTIFY,
    CALL(__NR_execveat, 1), NOTIFY,
    CALL(__NR_clone3, 1), RET(SECCOMP_RET_ERRNO | ENOSYS),
    ALLOW,
};

static void fail(const char *what) {
  perror(what);
  exit(125);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void pass(double us) {
  if (us == 0) return;
  for (double end = now() + us; now() < end;) {}
}

int main(int argc, char **argv) {
  int pair[2];
  double us = 0;
  char **by = NULL;
  unsigned long long most = ~0ULL;
  if (argc > 2 && strcmp(argv[1], "-p") == 0) {
    us = atof(argv[2]);
    argc -= 2;
    argv += 2;
  }
  if (argc > 2 && strcmp(argv[1], "-most") == 0) {
    most = strtoull(argv[2], NULL, 10);
    argc -= 2;
    argv += 2;
  }
  if (argc > 3 && strcmp(argv[1], "-by") == 0) {
    by = argv + 2;
    argc -= 3;
    argv += 3;
  }
  if (argc < 2 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) fail("supervisor");
  pid_t child = fork();
  if (child == 0) {
    struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("prctl");
    int fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
    if (fd < 0 || write(pair[1], &fd, sizeof fd) != sizeof fd) fail("seccomp");
    execvp(argv[1], argv + 1);
    fail(argv[1]);
  }
  int remote;
  if (read(pair[0], &remote, sizeof remote) != sizeof remote) fail("read");
  int listener = syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, child, 0), remote, 0);
  if (listener < 0) fail("pidfd_getfd");
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, 1);
  if (by) {
    char pid[16];
    snprintf(pid, sizeof pid, "%d", child);
    if (dup2(listener, 3) < 0) fail("dup2");
    execlp(by[0], by[0], by[1], pid, NULL);
    fail(by[0]);
  }
  struct pollfd watched = {.fd = listener, .events = POLLIN};
  while (poll(&watched, 1, -1) > 0 && (watched.revents & POLLHUP) == 0) {
    struct seccomp_notif call;
    memset(&call, 0, sizeof call);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) continue;
    pass(us);
    struct seccomp_notif_resp answer = {.id = call.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    if (call.data.nr == __NR_mmap && call.data.args[1] > most) {
      answer.flags = 0;
      answer.error = -ENOMEM;
    }
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    pass(us);
  }
  int status;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
