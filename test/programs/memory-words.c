/* Does with its memory what it is told, a line each, and answers "ok", a number, or the error. Slots are numbered from 0. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SLOTS 256
#define PAGE 4096L

static struct { char *at; long pages; } slot[SLOTS];
static int fds[SLOTS];
static pid_t child[SLOTS];
static int children;
/* Printed without stdio: its buffers would be reserved at some time of their own. */
static char line[256], out[64];

static void answer(long value, const char *error) {
  int n = error ? snprintf(out, sizeof out, "%s\n", error) : snprintf(out, sizeof out, "%ld\n", value);
  if (write(1, out, n) != n) _exit(1);
}

static const char *failed(void) {
  static char text[32];
  if (errno == ENOMEM) return "ENOMEM";
  if (errno == EAGAIN) return "EAGAIN";
  snprintf(text, sizeof text, "errno %d", errno);
  return text;
}

static int readline(void) {
  size_t n = 0;
  while (n < sizeof line - 1) {
    if (read(0, line + n, 1) != 1) return 0;
    if (line[n] == '\n') break;
    n++;
  }
  line[n] = 0;
  return 1;
}

static void *idle(void *unused) {
  pause();
  return unused;
}

static volatile long came;
static void count(int signal) {
  (void)signal;
  came++;
}

static long rounds, refused;
static void *churn(void *seed) {
  unsigned state = (long)seed + 1;
  for (long i = 0; i < rounds; i++) {
    long pages = 1 + rand_r(&state) % 64;
    char *at = mmap(0, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
      __atomic_add_fetch(&refused, 1, __ATOMIC_RELAXED);
      continue;
    }
    at[0] = 1;
    if (rand_r(&state) % 4 == 0) {
      char *moved = mremap(at, pages * PAGE, (pages + 5) * PAGE, MREMAP_MAYMOVE);
      if (moved == MAP_FAILED) __atomic_add_fetch(&refused, 1, __ATOMIC_RELAXED);
      else at = moved, pages += 5;
    }
    munmap(at, pages * PAGE);
  }
  return 0;
}

static char spare[64 * 1024];

static int shares(void *unused) {
  (void)unused;
  _exit(0);
}

static long free_slot(void) {
  for (long i = 0; i < SLOTS; i++) if (!slot[i].at) return i;
  _exit(3);
}

static void map(long pages, int prot, int flags, int fd) {
  char *at = mmap(0, pages * PAGE, prot, flags, fd, 0);
  if (at == MAP_FAILED) return answer(0, failed());
  long i = free_slot();
  slot[i].at = at;
  slot[i].pages = pages;
  answer(i, 0);
}

int main(int argc, char **argv) {
  (void)argc;
  answer(0, "ready");
  while (readline()) {
    char word[32] = "";
    long a = 0, b = 0, c = 0, d = 0;
    sscanf(line, "%31s %ld %ld %ld %ld", word, &a, &b, &c, &d);
#define IS(w) (strcmp(word, w) == 0)
    if (IS("map")) map(a, b, MAP_PRIVATE | MAP_ANONYMOUS | c, -1);
    else if (IS("share")) map(a, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
    else if (IS("file")) map(a, b, c ? MAP_SHARED : MAP_PRIVATE, fds[d]);
    else if (IS("zero")) { int fd = open("/dev/zero", O_RDWR); map(a, PROT_READ | PROT_WRITE, b ? MAP_SHARED : MAP_PRIVATE, fd); close(fd); }
    else if (IS("over")) { /* a fixed mapping over pages b.. of slot a */
      char *at = mmap(slot[a].at + b * PAGE, c * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
      answer(0, at == MAP_FAILED ? failed() : 0);
    } else if (IS("protect")) answer(0, mprotect(slot[a].at + b * PAGE, c * PAGE, d) ? failed() : 0);
    else if (IS("unmap")) {
      int error = munmap(slot[a].at + b * PAGE, c * PAGE);
      if (!error && b == 0 && c == slot[a].pages) slot[a].at = 0;
      else if (!error && b == 0) { slot[a].at += c * PAGE; slot[a].pages -= c; }
      else if (!error && b + c == slot[a].pages) slot[a].pages = b;
      answer(0, error ? failed() : 0);
    } else if (IS("remap")) {
      char *at = mremap(slot[a].at, slot[a].pages * PAGE, b * PAGE, MREMAP_MAYMOVE);
      if (at == MAP_FAILED) { answer(0, failed()); continue; }
      slot[a].at = at;
      slot[a].pages = b;
      answer(0, 0);
    } else if (IS("touch")) { for (long i = 0; i < slot[a].pages; i++) ((volatile char *)slot[a].at)[i * PAGE] = 1; answer(0, 0); }
    else if (IS("read")) { long sum = 0; for (long i = 0; i < slot[a].pages; i++) sum += ((volatile char *)slot[a].at)[i * PAGE]; answer(sum, 0); }
    else if (IS("pid")) answer(getpid(), 0);
    else if (IS("pages")) answer(slot[a].pages, 0);
    else if (IS("at")) answer((long)slot[a].at / PAGE, 0); /* the number of its first page */
    else if (IS("brk")) answer(0, sbrk(a * PAGE) == (void *)-1 ? failed() : 0);
    else if (IS("malloc")) { char *p = malloc(a); if (p) memset(p, 1, a); answer(0, p ? 0 : failed()); }
    else if (IS("fork")) {
      pid_t pid = fork();
      if (pid == 0) { pause(); _exit(0); }
      if (pid < 0) { answer(0, failed()); continue; }
      child[children++] = pid;
      answer(pid, 0);
    } else if (IS("forkexit")) {
      pid_t pid = fork();
      if (pid == 0) _exit(0);
      if (pid > 0) waitpid(pid, 0, 0);
      answer(0, pid < 0 ? failed() : 0);
    } else if (IS("vfork")) {
      pid_t pid = vfork();
      if (pid == 0) _exit(0);
      if (pid > 0) waitpid(pid, 0, 0);
      answer(0, pid < 0 ? failed() : 0);
    } else if (IS("clonevm")) {
      pid_t pid = clone(shares, spare + sizeof spare, CLONE_VM | SIGCHLD, 0);
      if (pid > 0) waitpid(pid, 0, 0);
      answer(0, pid < 0 ? failed() : 0);
    } else if (IS("thread")) {
      pthread_t id;
      errno = pthread_create(&id, 0, idle, 0);
      answer(0, errno ? failed() : 0);
    } else if (IS("reap")) { pid_t pid = child[--children]; kill(pid, SIGKILL); waitpid(pid, 0, 0); answer(0, 0); }
    else if (IS("exec")) { execv("/proc/self/exe", argv); answer(0, failed()); }
    else if (IS("badexec")) { execv("/does/not/exist", argv); answer(0, failed()); }
    else if (IS("setuid")) answer(0, setresuid(a, a, a) ? failed() : 0);
    else if (IS("seteuid")) answer(0, seteuid(a) ? failed() : 0);
    else if (IS("shmget")) { int id = shmget(IPC_PRIVATE, a * PAGE, 0600); answer(id, id < 0 ? failed() : 0); }
    else if (IS("shmat")) { char *at = shmat(a, 0, 0); answer(0, at == (char *)-1 ? failed() : 0); }
    else if (IS("shmrm")) answer(0, shmctl(a, IPC_RMID, 0) ? failed() : 0);
    else if (IS("memfd")) { int fd = memfd_create("words", MFD_CLOEXEC); long i = 0; while (fds[i]) i++; fds[i] = fd; answer(i, 0); }
    else if (IS("truncate")) answer(0, ftruncate(fds[a], b * PAGE) ? failed() : 0);
    else if (IS("close")) { close(fds[a]); fds[a] = 0; answer(0, 0); }
    else if (IS("int80map")) { /* 32-bit mmap2 of a pages, private and writable */
#ifdef __x86_64__
      long result;
      __asm__ volatile("push %%rbp; mov $0, %%ebp; int $0x80; pop %%rbp" : "=a"(result) : "a"(192L), "b"(0L), "c"(a * PAGE), "d"(3L), "S"(0x22L), "D"(-1L) : "memory", "r8", "r9", "r10", "r11");
      if ((int)result < 0 && (int)result > -4096) { errno = -(int)result; answer(0, failed()); } else answer(0, 0);
#endif
    } else if (IS("signals")) { /* mmap and munmap until so many signals have come meanwhile */
      struct sigaction on = {.sa_handler = count, .sa_flags = SA_RESTART};
      struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
      struct itimerspec every = {{0, b}, {0, b}}, never = {{0, 0}, {0, 0}};
      timer_t timer;
      long errors = 0;
      came = 0;
      sigaction(SIGRTMIN, &on, 0);
      timer_create(CLOCK_MONOTONIC, &event, &timer);
      timer_settime(timer, 0, &every, 0);
      while (came < a) {
        void *at = mmap(0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED) errors++;
        else munmap(at, 3 * PAGE);
      }
      timer_settime(timer, 0, &never, 0);
      answer(errors, 0);
    } else if (IS("churn")) { /* a threads map, touch and unmap b times each */
      pthread_t ids[64];
      rounds = b;
      refused = 0;
      for (long i = 0; i < a; i++) pthread_create(&ids[i], 0, churn, (void *)i);
      for (long i = 0; i < a; i++) pthread_join(ids[i], 0);
      answer(refused, 0);
    } else if (IS("exit")) _exit(a);
    else answer(0, "what?");
  }
  return 0;
}
