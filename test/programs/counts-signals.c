/*
 * Counts realtime signals until it has all argv[1] of them, whose values have to come in order; argv[2] "sleep": between
 * them it sleeps, else it spins. Then waits for a line and prints "got N disorder N parent N".
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile sig_atomic_t got, disorder;

static void on(int sig, siginfo_t *info, void *context) {
  (void)sig; (void)context;
  if (info->si_value.sival_int != got) disorder++;
  got++;
}

int main(int argc, char **argv) {
  int all = atoi(argv[1]), sleeps = argc > 2 && !strcmp(argv[2], "sleep");
  struct sigaction action = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
  sigset_t rt, none;
  sigemptyset(&none);
  sigemptyset(&rt);
  sigaddset(&rt, SIGRTMIN);
  sigaction(SIGRTMIN, &action, NULL);
  if (sleeps) sigprocmask(SIG_BLOCK, &rt, NULL);
  setvbuf(stdout, NULL, _IONBF, 0);
  puts("ready");
  while (got < all) if (sleeps) sigsuspend(&none);
  /* Until it is told to end, so that nobody comes too late. */
  for (char c; read(0, &c, 1) < 0; );
  printf("got %d disorder %d parent %ld\n", (int)got, (int)disorder, (long)syscall(SYS_getppid));
  return 0;
}
