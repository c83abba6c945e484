/* Waits for SIGUSR1, then executes its arguments. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static volatile sig_atomic_t told;
static void on(int sig) { (void)sig; told = 1; }

int main(int argc, char **argv) {
  sigset_t usr1, old;
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  sigprocmask(SIG_BLOCK, &usr1, &old);
  signal(SIGUSR1, on);
  puts("ready");
  fflush(stdout);
  while (!told) sigsuspend(&old);
  if (argc > 1) execv(argv[1], argv + 1);
  return 127;
}
