/*
 * Makes calls that accounting traps while signals come, whose handlers were installed without SA_RESTART: `signalled WAY USEC N` says
 * how many calls failed with EINTR, how many otherwise, and that there were signals.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile long signals;
static long interrupted, other;
static sigjmp_buf away;
static volatile int jumps;

static void count(int signal) {
  (void)signal;
  signals++;
  if (jumps) siglongjmp(away, 1);
}

static void catch(int signal, int flags) {
  struct sigaction action = {.sa_handler = count, .sa_flags = flags};
  sigaction(signal, &action, 0);
}

static void timer(int usec) {
  struct itimerval value = {{0, usec}, {0, usec}};
  setitimer(ITIMER_REAL, &value, 0);
}

static void failed(void) {
  if (errno == EINTR) __atomic_add_fetch(&interrupted, 1, __ATOMIC_RELAXED);
  else __atomic_add_fetch(&other, 1, __ATOMIC_RELAXED);
}

static void map(void) {
  void *p = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) failed();
  else munmap(p, 4096);
}

static void raw_brk(long i) {
  static unsigned long start;
  if (!start) start = syscall(SYS_brk, 0);
  unsigned long wanted = start + 4096 * (1 + (i & 1));
  errno = 0;
  unsigned long got = syscall(SYS_brk, wanted);
  if (got != wanted) failed();
}

static void fork_once(void) {
  pid_t pid = fork();
  if (pid < 0) failed();
  else if (pid == 0) _exit(0);
  else while (waitpid(pid, 0, 0) < 0 && errno == EINTR) {}
}

static void jump(void) {
  jumps = 1;
  if (!sigsetjmp(away, 1)) map();
  jumps = 0;
}

static void change(long i) {
  // One whose signal is ignored is not armed again by the kernel.
  if (i % 250 == 0) timer(1000);
  switch (i % 5) {
    case 0: catch(SIGALRM, 0); break;
    case 1: catch(SIGALRM, SA_RESTART); break;
    case 2: signal(SIGALRM, SIG_IGN); break;
    case 3: catch(SIGALRM, SA_SIGINFO | SA_NODEFER); break;
    case 4: catch(SIGALRM, SA_RESTART); catch(SIGALRM, 0); break;
  }
  map();
}

static void masked(long i) {
  sigset_t set, old;
  sigemptyset(&set);
  sigaddset(&set, SIGALRM);
  sigprocmask(i & 1 ? SIG_BLOCK : SIG_UNBLOCK, &set, &old);
  map();
  sigprocmask(SIG_UNBLOCK, &set, 0);
}

static long rounds;
static pthread_t others[4];
static volatile int done;

/* Half of the threads take one of the signals each, the others both. */
static void *work(void *arg) {
  long number = (long)arg;
  sigset_t set;
  sigemptyset(&set);
  if (number & 1) sigaddset(&set, number & 2 ? SIGUSR1 : SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &set, 0);
  for (long i = 0; i < rounds; i++) map();
  __atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST);
  return 0;
}

static void threads(long n) {
  rounds = n;
  catch(SIGUSR1, 0);
  catch(SIGUSR2, 0);
  for (long i = 0; i < 4; i++) pthread_create(&others[i], 0, work, (void *)i);
  for (long i = 0; done < 4; i++) {
    pthread_kill(others[i & 3], i & 4 ? SIGUSR1 : SIGUSR2);
    usleep(200);
  }
  for (int i = 0; i < 4; i++) pthread_join(others[i], 0);
}

/* Another process sends as many signals as it can. */
static void storm(long n) {
  catch(SIGUSR1, 0);
  pid_t parent = getpid();
  pid_t child = fork();
  if (child == 0) {
    signal(SIGUSR1, SIG_DFL);
    while (kill(parent, SIGUSR1) == 0) {}
    _exit(0);
  }
  for (long i = 0; i < n; i++) map();
  kill(child, SIGKILL);
  while (waitpid(child, 0, 0) < 0 && errno == EINTR) {}
}

static int await(pid_t pid, int options) {
  int status;
  while (waitpid(pid, &status, options) < 0)
    if (errno != EINTR) return -1;
  return status;
}

/* A parent that sees its child stopped, continued, signalled and exited, as without a tracer between them. */
static void jobs(long n) {
  for (long i = 0; i < n; i++) {
    int ready[2];
    char byte = 0;
    if (pipe(ready) < 0) exit(1);
    pid_t pid = fork();
    if (pid == 0) {
      catch(SIGUSR1, 0);
      catch(SIGALRM, 0);
      timer(1000);
      if (write(ready[1], &byte, 1) < 0) _exit(1);
      for (;;) map();
    }
    while (read(ready[0], &byte, 1) < 0 && errno == EINTR) {}
    close(ready[0]);
    close(ready[1]);
    kill(pid, SIGSTOP);
    int status = await(pid, WUNTRACED);
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGSTOP) other++;
    kill(pid, SIGUSR1);
    kill(pid, SIGCONT);
    status = await(pid, WCONTINUED);
    if (!WIFCONTINUED(status)) other++;
    usleep(1000);
    int how = i % 2 ? SIGTERM : SIGKILL;
    kill(pid, how);
    status = await(pid, 0);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != how) other++;
    pid = fork();
    if (pid == 0) {
      catch(SIGUSR1, 0);
      map();
      _exit(7);
    }
    status = await(pid, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 7) other++;
    signals++;
  }
}

/* Waits for what does not come while children exit: nobody hears of that, as long as SIGCHLD has no handler. */
static void waits(long n) {
  catch(SIGUSR1, 0);
  int poll = epoll_create1(0);
  struct epoll_event event;
  for (long i = 0; i < n; i++) {
    pid_t pid = fork();
    if (pid == 0) {
      usleep(2000);
      _exit(0);
    }
    if (epoll_wait(poll, &event, 1, 20) != 0) failed();
    await(pid, 0);
  }
  signals++;
}

/* Grows the heap as programs do, and writes to all of it. */
static void heap(void) {
  char *p = sbrk(4096);
  if (p == (void *)-1) failed();
  else *p = 1;
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  const char *way = argv[1];
  long n = atol(argv[3]);
  int usec = atoi(argv[2]);
  if (usec > 0) {
    catch(SIGALRM, 0);
    timer(usec);
  }
  if (!strcmp(way, "threads")) threads(n);
  else if (!strcmp(way, "storm")) storm(n);
  else if (!strcmp(way, "jobs")) jobs(n);
  else if (!strcmp(way, "waits")) waits(n);
  else
    for (long i = 0; i < n; i++) {
      if (!strcmp(way, "mmap")) map();
      else if (!strcmp(way, "brk")) raw_brk(i);
      else if (!strcmp(way, "sbrk")) heap();
      else if (!strcmp(way, "fork")) fork_once();
      else if (!strcmp(way, "longjmp")) jump();
      else if (!strcmp(way, "changes")) change(i);
      else if (!strcmp(way, "masks")) masked(i);
      else return 2;
    }
  timer(0);
  signal(SIGALRM, SIG_IGN);
  printf("EINTR %ld other %ld%s\n", interrupted, other, signals > 0 ? "" : " no signals");
  return 0;
}
