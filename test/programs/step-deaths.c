/*
 * Which ways to step let a target live when its tracer is killed. For each way, ROUNDS times: a tracer steps a target that counts in
 * user mode, is killed by SIGKILL after a random time (seeded), and it is seen whether the target counts on or is dead. A line each:
 * the way, how many targets died, of how many.
 *   step-deaths ROUNDS
 * Ways in which the tracer is killed while it steps on and on:
 *   step        PTRACE_SINGLESTEP, waitpid
 *   block       PTRACE_SINGLEBLOCK: to the next branch
 *   sysemu      PTRACE_SYSEMU_SINGLESTEP
 *   int3        a breakpoint in the text, PTRACE_CONT, the instruction put back
 *   safe-step   PTRACE_SINGLESTEP, then PTRACE_INTERRUPT and PTRACE_CONT: to a trap stop, where no instruction is executed
 * Ways in which it is killed while the target is stopped and nothing is done:
 *   rest-step   after the trap of a step
 *   rest-safe   after the trap stop of safe-step
 * With the tracer in a process of its own, beside the one that is killed and whose end it is told of (a pipe):
 *   beside      PTRACE_SINGLESTEP; PTRACE_DETACH when the other has gone
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef PTRACE_SINGLEBLOCK
#define PTRACE_SINGLEBLOCK 33
#endif
#ifndef PTRACE_SYSEMU_SINGLESTEP
#define PTRACE_SYSEMU_SINGLESTEP 32
#endif

struct shared { volatile unsigned long count; volatile int begun; };
static struct shared *shared;

static void pause_us(long us) {
  struct timespec t = {us / 1000000, us % 1000000 * 1000};
  nanosleep(&t, NULL);
}

__attribute__((noinline)) static void count(void) { shared->count++; }

static pid_t start_target(void) {
  pid_t pid = fork();
  if (pid == 0) for (;;) count();
  return pid;
}

static void step(pid_t pid, int request) {
  int status;
  if (ptrace(request, pid, 0, 0) == 0) waitpid(pid, &status, __WALL);
}

static void to_trap_stop(pid_t pid) {
  int status;
  ptrace(PTRACE_INTERRUPT, pid, 0, 0);
  if (ptrace(PTRACE_CONT, pid, 0, 0) == 0) waitpid(pid, &status, __WALL);
}

/* One turn around a breakpoint at count(): hit, put back, step over it. */
static void breakpoint(pid_t pid) {
#ifdef __x86_64__
  struct user_regs_struct regs;
  long at = (long)count, text = ptrace(PTRACE_PEEKTEXT, pid, at, 0);
  int status;
  ptrace(PTRACE_POKETEXT, pid, at, (text & ~0xffL) | 0xcc);
  if (ptrace(PTRACE_CONT, pid, 0, 0) == 0) waitpid(pid, &status, __WALL);
  ptrace(PTRACE_GETREGS, pid, 0, &regs);
  regs.rip = at;
  ptrace(PTRACE_SETREGS, pid, 0, &regs);
  ptrace(PTRACE_POKETEXT, pid, at, text);
#else
  step(pid, PTRACE_SINGLESTEP);
#endif
}

static void seize(pid_t pid) {
  int status;
  if (ptrace(PTRACE_SEIZE, pid, 0, 0)) _exit(1);
  ptrace(PTRACE_INTERRUPT, pid, 0, 0);
  waitpid(pid, &status, __WALL);
}

/* `life` ends with the process beside which this one traces; -1: there is none. */
static void trace(pid_t pid, const char *way, int life) {
  seize(pid);
  int rests = !strncmp(way, "rest-", 5);
  shared->begun = !rests;
  for (;;) {
    if (!strcmp(way, "block")) step(pid, PTRACE_SINGLEBLOCK);
    else if (!strcmp(way, "sysemu")) step(pid, PTRACE_SYSEMU_SINGLESTEP);
    else if (!strcmp(way, "int3")) breakpoint(pid);
    else step(pid, PTRACE_SINGLESTEP);
    if (!strcmp(way, "safe-step") || !strcmp(way, "rest-safe")) to_trap_stop(pid);
    if (rests) { shared->begun = 1; for (;;) pause(); }
    struct pollfd ends = {life, 0, 0};
    if (life >= 0 && poll(&ends, 1, 0) == 1) { ptrace(PTRACE_DETACH, pid, 0, 0); _exit(0); }
  }
}

/* 1 when the target has died of it. */
static int once(const char *way) {
  int life[2], status;
  shared->begun = 0;
  pid_t target = start_target(), beside = 0;
  if (pipe(life)) exit(2);
  pid_t tracer = fork();
  if (tracer == 0) {
    close(life[0]);
    if (strcmp(way, "beside")) trace(target, way, -1);
    for (;;) pause();
  }
  close(life[1]);
  if (!strcmp(way, "beside") && (beside = fork()) == 0) trace(target, way, life[0]);
  while (!shared->begun) pause_us(50);
  pause_us(random() % 3000);
  kill(tracer, SIGKILL);
  waitpid(tracer, &status, 0);
  if (beside) waitpid(beside, &status, 0);
  close(life[0]);
  unsigned long before = shared->count;
  int dead = 0;
  for (int i = 0; i < 400 && !dead && shared->count - before < 1000; i++) {
    pause_us(500);
    dead = waitpid(target, &status, WNOHANG) == target;
  }
  if (!dead) { kill(target, SIGKILL); waitpid(target, &status, 0); }
  return dead;
}

int main(int argc, char **argv) {
  const char *ways[] = {"step", "block", "sysemu", "int3", "safe-step", "rest-step", "rest-safe", "beside"};
  int rounds = argc > 1 ? atoi(argv[1]) : 50;
  srandom(1);
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++) {
    int dead = 0;
    for (int round = 0; round < rounds; round++) dead += once(ways[i]);
    printf("%s %d %d\n", ways[i], dead, rounds);
    fflush(stdout);
  }
  return 0;
}
