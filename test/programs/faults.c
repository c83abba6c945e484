/* Says that it is ready, waits for a line, then writes to address 16. */
#include <stdio.h>

int main(void) {
  char line[8];
  setvbuf(stdout, NULL, _IONBF, 0);
  puts("ready");
  if (!fgets(line, sizeof line, stdin)) return 1;
  *(volatile int *)16 = 1;
  return 0;
}
