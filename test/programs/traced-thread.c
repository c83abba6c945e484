/*
 * A child one of whose threads is traced by us, who never collect it, and whose leader then calls exec: that waits for the
 * thread for ever, with cred_guard_mutex held. Prints the child's pid once the thread is traced; `exec` on standard input
 * lets it call exec.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <unistd.h>

static int traced[2];

static void *thread(void *unused) {
  (void)unused;
  ptrace(PTRACE_TRACEME, 0, 0, 0);
  if (write(traced[1], "x", 1) != 1) _exit(1);
  for (;;) pause();
}

int main(void) {
  char byte;
  if (pipe(traced) < 0) return 1;
  int pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pthread_t id;
    pthread_create(&id, NULL, thread, NULL);
    if (read(0, &byte, 1) != 1) _exit(1);
    execl("/bin/sleep", "sleep", "1000", (char *)0);
    _exit(1);
  }
  if (read(traced[0], &byte, 1) != 1) return 1;
  printf("ready\npid %d\n", pid);
  fflush(stdout);
  for (;;) pause();
}
