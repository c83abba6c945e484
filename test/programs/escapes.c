/*
 * Ways to have more memory than one is charged for, and programs whose memory is hard to see. `escapes WAY` tries one under a
 * limit and says what it got: MiB, or the name of an error. Others stay until their standard input ends, for who looks.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1L << 20)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)

static void say(const char *what, long n) {
  printf("%s %ld\n", what, n);
  fflush(stdout);
}

static void say_error(int failed) {
  printf("%s\n", !failed ? "0" : errno == ENOMEM ? "ENOMEM" : strerror(errno));
  fflush(stdout);
}

/* How many MiB there are to be had, each of them written to. */
static long take(long most) {
  for (long n = 0; n < most; n++) {
    char *p = mmap(0, MIB, PROT_READ | PROT_WRITE, PRIVATE, -1, 0);
    if (p == MAP_FAILED) return n;
    memset(p, 1, MIB);
  }
  return most;
}

static void until_eof(void) {
  char c;
  while (read(0, &c, 1) > 0) {}
}

static void hide(void) { prctl(PR_SET_DUMPABLE, 0); }

/* A refused allocation leaves the heap as it was. */
static int heap(int refuses) {
  enum { BLOCKS = 4000, SIZE = 8000 };
  static char *blocks[BLOCKS];
  for (int i = 0; i < BLOCKS; i++) {
    blocks[i] = malloc(SIZE);
    if (!blocks[i]) return say("no room", i), 1;
    memset(blocks[i], i, SIZE);
  }
  char *end = sbrk(0);
  if (refuses && (sbrk(100 * MIB) != (void *)-1 || errno != ENOMEM)) return say("not refused", 0), 1;
  if (sbrk(0) != end || syscall(SYS_brk, 0) != (long)end) return say("moved", (char *)syscall(SYS_brk, 0) - end), 1;
  for (int i = 0; i < 100; i++) memset(malloc(SIZE), 1, SIZE);
  for (int i = 0; i < BLOCKS; i++)
    for (int j = 0; j < SIZE; j++)
      if (blocks[i][j] != (char)i) return say("overwritten", i), 1;
  say("whole", BLOCKS);
  return 0;
}

static void *heap_alone(void *leader) {
  pthread_join(*(pthread_t *)leader, 0);
  exit(heap(1));
}

static void *take_alone(void *leader) {
  pthread_join(*(pthread_t *)leader, 0);
  say("got", take(100));
  exit(0);
}

static pthread_t leader;
static void leave(void *(*other)(void *)) {
  pthread_t thread;
  leader = pthread_self();
  pthread_create(&thread, 0, other, &leader);
  pthread_exit(0);
}

/* A child of nobody that is known, which hides before it calls for the first time. */
static void orphan(void) {
  int alone[2], done[2];
  char c;
  if (pipe(alone) != 0 || pipe(done) != 0) exit(1);
  if (fork() > 0) {
    close(alone[1]);
    close(done[1]);
    exit(read(done[0], &c, 1) != 0);
  }
  if (fork() > 0) _exit(0);
  close(alone[1]);
  if (read(alone[0], &c, 1) != 0) exit(1);
  hide();
  say("got", take(100));
}

static int run(char *program) {
  int status;
  pid_t child = vfork();
  if (child == 0) {
    execl(program, program, (char *)0);
    _exit(126);
  }
  return waitpid(child, &status, 0) == child ? status : -1;
}

static int wait_for_ever(void *unused) {
  (void)unused;
  until_eof();
  return 0;
}

/* The memory of a process that has gone, in the hands of one that has never called. */
static void heir(int flags) {
  say("got", take(40));
  clone(wait_for_ever, (char *)malloc(65536) + 65536, flags | SIGCHLD, 0);
  _exit(0);
}

static int kill_parent(void *unused) {
  kill(getppid(), SIGKILL);
  return wait_for_ever(unused);
}

int main(int argc, char **argv) {
  const char *way = argc > 1 ? argv[1] : "";
  int is(const char *name) { return strcmp(way, name) == 0; }
  if (is("heap")) return heap(1);
  if (is("plain-heap")) return heap(0);
  if (is("hidden-heap")) return hide(), heap(1);
  if (is("leaderless-heap")) leave(heap_alone);
  if (is("leaderless")) leave(take_alone);
  if (is("orphan")) return orphan(), 0;
  if (is("heir")) heir(CLONE_VM);
  if (is("heir-of-killed")) {
    say("got", take(40));
    clone(kill_parent, (char *)malloc(65536) + 65536, CLONE_VM | CLONE_VFORK | SIGCHLD, 0);
  }
  if (is("take")) return say("got", take(100)), 0;
  if (is("grows-down")) {
    char *p = mmap(0, 200 * MIB, PROT_READ, PRIVATE | MAP_GROWSDOWN, -1, 0);
    say_error(mprotect(p + 200 * MIB - 4096, 4096, PROT_READ | PROT_WRITE | PROT_GROWSDOWN));
  }
  if (is("zero")) say_error(mmap(0, 200 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, open("/dev/zero", O_RDWR), 0) == MAP_FAILED);
  if (is("upper-half")) say_error(syscall(SYS_ftruncate, 0x100000000L | memfd_create("m", 0), 200 * MIB) != 0);
  if (is("keeps-size")) say_error(fallocate(memfd_create("m", 0), FALLOC_FL_KEEP_SIZE, 0, 200 * MIB) != 0);
  if (is("moves-heap")) say_error(prctl(PR_SET_MM, PR_SET_MM_BRK, 4096, 0, 0) != 0);
  if (is("holes")) {
    setvbuf(stdout, 0, _IONBF, 0);
    char *start = sbrk(40 * MIB);
    munmap(start + MIB, 30 * MIB);
    say("got", take(30));
    int failed = brk(start) != 0 || brk(start + 40 * MIB) != 0;
    say_error(failed);
  }
  if (is("writes")) {
    static char page[4096];
    int fd = memfd_create("m", 0);
    for (int i = 0; i < 40 * 256; i++)
      if (write(fd, page, sizeof page) != sizeof page) return say("failed", i), 1;
    say("wrote", 40);
    until_eof();
  }
  if (is("segments")) {
    for (int i = 0; i < 20; i++) {
      int id = shmget(IPC_PRIVATE, 40 * MIB, 0600);
      if (id < 0) return say("refused", i), 1;
      shmctl(id, IPC_RMID, 0);
    }
    say("made", 20);
  }
  if (is("execs")) {
    for (int i = 0; i < 300; i++) {
      int status = run(argv[2]);
      if (status != 0) return say("failed", status), 1;
    }
    say("ran", 300);
  }
  if (is("refused")) {
    take(100);
    say("full", 0);
    for (;;) take(1);
  }
  return 0;
}
