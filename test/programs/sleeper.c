/* Sleeps; prints the name of each signal it catches: hup, usr1, usr2, cont, trap. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static void say(const char *text, size_t n) { if (write(1, text, n) < 0) _exit(3); }
static void on(int sig) {
  switch (sig) {
    case SIGHUP: say("hup\n", 4); break;
    case SIGUSR1: say("usr1\n", 5); break;
    case SIGUSR2: say("usr2\n", 5); break;
    case SIGCONT: say("cont\n", 5); break;
    case SIGTRAP: say("trap\n", 5); break;
  }
}

int main(void) {
  const int caught[] = {SIGHUP, SIGUSR1, SIGUSR2, SIGCONT, SIGTRAP};
  for (unsigned i = 0; i < sizeof caught / sizeof *caught; i++) signal(caught[i], on);
  setvbuf(stdout, NULL, _IONBF, 0);
  puts("ready");
  for (;;) pause();
}
