/* Calls pass(0), pass(1), pass(2) and so on. */
#include <stdio.h>

__attribute__((noinline)) void pass(long number) { __asm__ volatile("" : : "r"(number)); }

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  puts("ready");
  for (long i = 0;; i++) pass(i);
}
