/* On SIGUSR1 makes a child by fork (argv[1] "fork") or vfork; the child prints its TracerPid line and leaves. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t told;
static void on(int sig) { (void)sig; told = 1; }

int main(int argc, char **argv) {
  sigset_t usr1, old;
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  sigprocmask(SIG_BLOCK, &usr1, &old);
  signal(SIGUSR1, on);
  setvbuf(stdout, NULL, _IONBF, 0);
  puts("ready");
  while (!told) sigsuspend(&old);
  pid_t child = argc > 1 && !strcmp(argv[1], "fork") ? fork() : vfork();
  if (child == 0) {
    execl("/bin/grep", "grep", "TracerPid", "/proc/self/status", (char *)NULL);
    _exit(127);
  }
  int status;
  waitpid(child, &status, 0);
  printf("child %d\n", WEXITSTATUS(status));
  return 0;
}
