/*
 * What a command finds when it starts, and how it is started. argv[1]:
 *   wait             the errno of wait(2): whether it has children it has not made
 *   dump ...         the arguments that follow and the environment, a line of hexadecimal digits each
 *   as IGN BLK CMD.. becomes CMD with those signals ignored and blocked: numbers with commas, or -
 *   with TEXT CMD..  becomes CMD with TEXT, \xHH being a byte, in the environment
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void dump(const char *kind, char **strings) {
  for (; *strings; strings++) {
    fputs(kind, stdout);
    for (unsigned char *c = (unsigned char *)*strings; *c; c++) printf("%02x", *c);
    putchar('\n');
  }
}

static void each(char *list, void (*act)(int)) {
  if (*list != '-') for (char *one = strtok(list, ","); one; one = strtok(NULL, ",")) act(atoi(one));
}

static void ignore(int sig) { signal(sig, SIG_IGN); }

static void block(int sig) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, sig);
  sigprocmask(SIG_BLOCK, &set, NULL);
}

/* putenv would take the name for one. */
static void add(char *text) {
  int n = 0;
  char *to = text, **more;
  while (environ[n]) n++;
  more = calloc(n + 2, sizeof *more);
  memcpy(more, environ, n * sizeof *more);
  more[n] = text;
  environ = more;
  for (char *from = text; *from; to++) {
    unsigned int byte;
    if (sscanf(from, "\\x%2x", &byte) == 1) { *to = byte; from += 4; }
    else *to = *from++;
  }
  *to = 0;
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  if (!strcmp(argv[1], "wait")) printf("%d\n", wait(NULL) < 0 ? errno : 0);
  else if (!strcmp(argv[1], "dump")) { dump("arg ", argv + 2); dump("env ", environ); }
  else if (!strcmp(argv[1], "as")) { each(argv[2], ignore); each(argv[3], block); execvp(argv[4], argv + 4); return 1; }
  else if (!strcmp(argv[1], "with")) { add(argv[2]); execvp(argv[3], argv + 3); return 1; }
  return 0;
}
