/* processor-time [-e] CMD [ARG...]: prints the ns of processor time that the command and all that it has waited for took, with -e to
   standard error; its own output goes to /dev/null, unless -e. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int to = 1;
  if (argc > 1 && strcmp(argv[1], "-e") == 0) {
    to = 2;
    argc--;
    argv++;
  }
  if (argc < 2) return 2;
  pid_t child = fork();
  if (child < 0) { perror("fork"); return 1; }
  if (child == 0) {
    if (to == 1) dup2(open("/dev/null", O_WRONLY), 1);
    execvp(argv[1], argv + 1);
    perror(argv[1]);
    _exit(127);
  }
  int status;
  struct rusage used;
  waitpid(child, &status, 0);
  getrusage(RUSAGE_CHILDREN, &used);
  dprintf(to, "%.0f\n", 1e9 * (used.ru_utime.tv_sec + used.ru_stime.tv_sec) + 1e3 * (used.ru_utime.tv_usec + used.ru_stime.tv_usec));
  return status != 0;
}
