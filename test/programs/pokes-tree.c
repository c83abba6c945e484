/*
 * pokes-tree DIR SEED MS THREADS: for MS milliseconds so many threads do to the tree at DIR what comes to mind: open, read, write, list, poll,
 * map, ioctl, with offsets up to 2^63 - 1 and words of up to a megabyte, of processes that are there, are not, or change; a signal interrupts
 * now one thread and now another. Nothing is ever written to what is not one's own: words and signals go to processes that DIR/PID of
 * this program's own children names. Prints how many calls were made, and ends its children.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define CHILDREN 8
#define MEGABYTE (1 << 20)

static const char *dir;
static atomic_long calls;
static atomic_int over;
static _Atomic pid_t children[CHILDREN];
static const char *files[] = {"file",     "mem",     "regs", "ctl",  "status", "note", "notepg",     "map",    "rlimit", "nomem", "regs.txt", "stack", "auxv",
                              "cmdline",  "environ", "cwd",  "root", "stop",   "lwp",  "wchan",      "fpregs", "sig",    "events", "fpregs.txt", "", "..",
                              "lwp/../x", "curproc", "\x1b[2J", "status/x"};
#define FILES (sizeof files / sizeof *files)
static const char *words[] = {"attach", "detach", "run", "step", "wait 0", "halt", "thread 1", "release", "usr1", "cont", "swap 1 1", "swap infinity infinity",
                              "rip 0", "break 0", "account\n\naccount", "\n", ";;;;", "wait -1", "wait 99999999999", "step 18446744073709551615", "kill\0kill"};
#define WORDS (sizeof words / sizeof *words)

static uint64_t rnd(uint64_t *s) {
  *s ^= *s << 13, *s ^= *s >> 7, *s ^= *s << 17;
  return *s;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void nothing(int signal) { (void)signal; }

/* A process that is never the same for long: another name, other arguments, another program, gone. */
static void changes(uint64_t seed) {
  static const char *names[] = {"a b", "x\ny 1 2 3", ") R 1 1 1", "\x1b]0;x\a", "\xff\xfe", "", "((((", "%s%n"};
  extern char **environ;
  char *argument = environ[0];
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (;;) {
    prctl(PR_SET_NAME, names[rnd(&seed) % 8]);
    if (argument) memset(argument, (int)rnd(&seed) & 0xff, strlen(argument));
    switch (rnd(&seed) % 6) {
      case 0: _exit(0);
      case 1: if (fork() == 0) _exit(0); break;
      case 2: {
        char self[] = "/proc/self/exe", seedText[32], *big = malloc(120000);
        memset(big, '\n', 119999), big[119999] = 0;
        memcpy(big, "E=", 2);
        snprintf(seedText, sizeof seedText, "%llu", (unsigned long long)rnd(&seed));
        char *with[] = {"\x1b[31m\n) Z 0", "-changes", seedText, NULL}, *env[] = {big, big, big, big, big, big, big, big, big, big, big, big, big, big, big, big, NULL};
        execve(self, with, env);
        _exit(1);
      }
      case 3: prctl(PR_SET_DUMPABLE, (int)(rnd(&seed) % 2)); break;
      case 4: munmap(mmap(0, 1 << 24, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1 << 23); break;
      case 5: usleep(rnd(&seed) % 3000);
    }
  }
}

static pid_t begins(uint64_t seed) {
  pid_t pid = fork();
  /* A group of its own: notepg is for it, and not for this program. */
  setpgid(pid, pid);
  if (pid == 0) changes(seed | 1);
  return pid;
}

static off_t offset(uint64_t *s) {
  static const uint64_t some[] = {0, 1, 4095, 4096, 0x7fffffffffffffff, 0x7ffffffffffff000, 0x7ffffffff000, 0x7fffffffe000, 1ull << 53, (1ull << 53) + 1, 1ull << 32, 0xffffffff};
  return (off_t)(rnd(s) % 2 ? some[rnd(s) % 12] : rnd(s) % 100000);
}

static void *pokes(void *argument) {
  uint64_t seed = (uint64_t)(uintptr_t)argument;
  char path[512], *buffer = malloc(2 * MEGABYTE);
  while (!over) {
    int which = (int)(rnd(&seed) % CHILDREN), own = rnd(&seed) % 4 != 0;
    pid_t pid = own ? children[which] : (pid_t)(rnd(&seed) % 40000);
    snprintf(path, sizeof path, "%s/%d/%s", dir, (int)pid, files[rnd(&seed) % FILES]);
    if (rnd(&seed) % 50 == 0) snprintf(path, sizeof path, "%s/%s", dir, rnd(&seed) % 2 ? "" : "curproc/lwp");
    struct stat status;
    struct pollfd polled = {.events = POLLIN | POLLPRI | POLLOUT};
    char *text = buffer;
    calls++;
    if (rnd(&seed) % 8 == 0) {
      if (rnd(&seed) % 2) readlink(path, buffer, rnd(&seed) % 4096);
      else lstat(path, &status), getxattr(path, "user.x", buffer, 100);
      continue;
    }
    int mode = (int)(rnd(&seed) % 3), fd = open(path, mode | (rnd(&seed) % 4 ? O_NONBLOCK : 0) | (rnd(&seed) % 64 ? 0 : O_EXCL));
    if (fd < 0) continue;
    for (int i = (int)(rnd(&seed) % 4); i >= 0; i--, calls++) {
      size_t length = rnd(&seed) % 4 ? rnd(&seed) % 5000 : rnd(&seed) % MEGABYTE;
      switch (rnd(&seed) % 10) {
        case 0: pread(fd, buffer, 1, offset(&seed)); break;
        case 1: pread(fd, buffer, length, offset(&seed)); break;
        case 2: read(fd, buffer, length); break;
        case 3: lseek(fd, offset(&seed), (int)(rnd(&seed) % 5)); break;
        case 4: polled.fd = fd, poll(&polled, 1, (int)(rnd(&seed) % 3)); break;
        case 5: syscall(SYS_getdents64, fd, buffer, length); break;
        case 6: ioctl(fd, rnd(&seed), buffer), fcntl(fd, F_SETFL, rnd(&seed) % 2 ? O_NONBLOCK : 0); break;
        case 7: mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0); break;
        /* Only to children of this program: it is their pid that was opened, and the tree keeps to it. */
        case 8:
          if (!own) break;
          text = (char *)words[rnd(&seed) % WORDS];
          if (write(fd, text, strlen(text)) < 0 && errno == EINTR) calls++;
          break;
        case 9:
          if (!own) break;
          for (size_t at = 0, next; at < length; at += next) {
            const char *word = words[rnd(&seed) % WORDS];
            next = strlen(word) + 1;
            memcpy(buffer + at, word, next), buffer[at + next - 1] = rnd(&seed) % 3 ? ';' : '\n';
          }
          pwrite(fd, buffer, length, offset(&seed));
      }
    }
    close(fd);
  }
  free(buffer);
  return NULL;
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "-changes") == 0) changes(strtoull(argv[2], NULL, 10) | 1);
  if (argc < 5) return 2;
  dir = argv[1];
  uint64_t seed = strtoull(argv[2], NULL, 10) * 2654435761u | 1;
  int count = atoi(argv[4]);
  pthread_t threads[64];
  if (count > 64) return 2;
  struct sigaction action = {.sa_handler = nothing};
  sigaction(SIGUSR1, &action, NULL);
  signal(SIGCHLD, SIG_DFL);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  for (int i = 0; i < CHILDREN; i++) children[i] = begins(rnd(&seed));
  puts("ready");
  fflush(stdout);
  for (int i = 0; i < count; i++) pthread_create(&threads[i], NULL, pokes, (void *)(uintptr_t)(rnd(&seed) | 1));
  for (double end = now() + atof(argv[3]); now() < end;) {
    pid_t ended;
    while ((ended = waitpid(-1, NULL, WNOHANG)) > 0)
      for (int i = 0; i < CHILDREN; i++)
        if (children[i] == ended) children[i] = begins(rnd(&seed));
    pthread_kill(threads[rnd(&seed) % count], SIGUSR1);
    usleep(rnd(&seed) % 2000);
  }
  over = 1;
  /* Who waits for an event is woken up until he sees that it is over. */
  for (int i = 0; i < count; i++)
    while (pthread_tryjoin_np(threads[i], NULL) != 0) pthread_kill(threads[i], SIGUSR1), usleep(500);
  for (int i = 0; i < CHILDREN; i++) kill(children[i], SIGKILL);
  while (wait(NULL) > 0) continue;
  printf("poked %ld\n", atomic_load(&calls));
  return 0;
}
