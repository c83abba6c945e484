/*
 * Its second thread executes the program anew, argv[1] times, each after up to three milliseconds; the last image says "last", and
 * "usr1" for each SIGUSR1.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char **arguments;

static void *thread(void *unused) {
  char next[16];
  int left = atoi(arguments[1]);
  usleep(left * 7919 % 3000);
  snprintf(next, sizeof next, "%d", left - 1);
  execl("/proc/self/exe", arguments[0], next, "again", (char *)0);
  return unused;
}

static void told(int signal) {
  (void)signal;
  (void)!write(1, "usr1\n", 5);
}

int main(int argc, char **argv) {
  pthread_t id;
  arguments = argv;
  if (argc == 2) {
    puts("ready");
    fflush(stdout);
  }
  if (atoi(argv[1]) > 0) pthread_create(&id, NULL, thread, NULL);
  else {
    signal(SIGUSR1, told);
    puts("last");
    fflush(stdout);
  }
  for (;;) pause();
}
