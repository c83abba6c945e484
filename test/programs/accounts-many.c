/*
 * accounts-many MOUNT COUNT [WORD]: forks COUNT children, one after the other, and writes `account`, or WORD, to the ctl of each. Says
 * how many were accepted and the last errno, then lives, with its children, until it is killed or its standard input ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  const char *word = argc > 3 ? argv[3] : "account";
  int accepted = 0, refusal = 0;
  pid_t self = getpid();
  for (int i = 0; i < atoi(argv[2]); i++) {
    pid_t child = fork();
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      /* It may have been stopped before it came so far, for as long as its parent lived. */
      if (getppid() != self) _exit(0);
      for (;;) pause();
    }
    char path[4096];
    snprintf(path, sizeof path, "%s/%d/ctl", argv[1], child);
    int ctl = open(path, O_WRONLY);
    if (ctl >= 0 && write(ctl, word, strlen(word)) > 0) accepted++;
    else refusal = errno;
    close(ctl);
  }
  printf("%d %d\n", accepted, refusal);
  fflush(stdout);
  return getchar() == EOF ? 0 : 1;
}
