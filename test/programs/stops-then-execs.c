/* Stops itself, then executes its arguments: the child of the seed's recipe. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  puts("ready");
  fflush(stdout);
  raise(SIGSTOP);
  execv(argv[1], argv + 1);
  return 127;
}
