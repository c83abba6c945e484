/* Counts until `go` is cleared from outside, then prints the count and leaves with status 7. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

volatile long counter;
volatile int go = 1;
volatile char text[16] = "before";

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  puts("ready");
  while (go) counter++;
  printf("text %s\n", (const char *)text);
  return 7;
}
