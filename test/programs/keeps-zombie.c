/* Prints the number of a child that has exited and that nobody takes away, and waits until stdin ends. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
  char byte;
  siginfo_t info;
  pid_t child = fork();
  if (child == 0) _exit(0);
  waitid(P_PID, child, &info, WEXITED | WNOWAIT);
  dprintf(1, "child %d\nready\n", child);
  while (read(0, &byte, 1) > 0) ;
  return 0;
}
