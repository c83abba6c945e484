/*
 * For debuggers: for each line of its input that is a number, `outer` calls `inner` so often, and what comes of it is printed. SIGUSR1 prints
 * "handled". argv[1] threads sleep meanwhile, and each calls `worker` when the program ends. Ends with status 3.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

volatile long watched;
static volatile int ended;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ending = PTHREAD_COND_INITIALIZER;

__attribute__((noinline)) int inner(int value) {
  watched += value;
  return (int)watched;
}

__attribute__((noinline)) int outer(int count) {
  int sum = 0;
  for (int i = 1; i <= count; i++) sum += inner(i);
  return sum;
}

__attribute__((noinline)) void worker(long number) {
  watched += number;
}

static void *sleep_and_work(void *number) {
  pthread_mutex_lock(&lock);
  while (!ended) pthread_cond_wait(&ending, &lock);
  worker((long)number);
  pthread_mutex_unlock(&lock);
  return NULL;
}

static void handler(int signal) {
  (void)signal;
  (void)!write(1, "handled\n", 8);
}

int main(int argc, char **argv) {
  char line[64];
  pthread_t threads[64];
  long count = argc > 1 ? atoi(argv[1]) : 0;
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  setvbuf(stdout, NULL, _IONBF, 0);
  for (long i = 0; i < count; i++) pthread_create(&threads[i], NULL, sleep_and_work, (void *)(i + 1));
  puts("ready");
  while (fgets(line, sizeof line, stdin) != NULL) printf("sum %d\n", outer(atoi(line)));
  pthread_mutex_lock(&lock);
  ended = 1;
  pthread_cond_broadcast(&ending);
  pthread_mutex_unlock(&lock);
  for (long i = 0; i < count; i++) pthread_join(threads[i], NULL);
  return 3;
}
