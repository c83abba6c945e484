/*
 * Does file operations as whoever it runs as, told by lines on standard input, and answers each with one line:
 * "ok VALUE [HEX]" or "err ERRNO". Slots are file descriptors 10..19.
 *   open SLOT PATH FLAGS | read SLOT OFFSET COUNT | write SLOT OFFSET HEX | close SLOT | mmap SLOT | stat PATH
 *   adopt SLOT (receives a descriptor from fd 3) | send SLOT (sends it through fd 3) | exec PATH (keeps descriptors)
 *   stderr SLOT (the slot becomes fd 2) | comm HEX | sendfile SLOT | pid | poll SLOT EVENTS MILLISECONDS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned char buffer[1 << 20];

static size_t unhex(const char *text) {
  size_t n = 0;
  unsigned byte;
  for (; n < sizeof buffer && sscanf(text + 2 * n, "%2x", &byte) == 1; n++) buffer[n] = byte;
  return n;
}

static void answer(long value, const unsigned char *bytes) {
  if (value < 0) printf("err %d\n", errno);
  else {
    printf("ok %ld", value);
    if (bytes) { putchar(' '); for (long i = 0; i < value; i++) printf("%02x", bytes[i]); }
    putchar('\n');
  }
  fflush(stdout);
}

static long transfer(int slot, int sending) {
  char byte = 'x', control[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec iov = {&byte, 1};
  struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  if (sending) {
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET; c->cmsg_type = SCM_RIGHTS; c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &slot, sizeof slot);
    return sendmsg(3, &msg, 0);
  }
  if (recvmsg(3, &msg, 0) < 0) return -1;
  int fd;
  memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof fd);
  long r = dup2(fd, slot);
  close(fd);
  return r;
}

int main(void) {
  static char line[3 << 20], word[16], path[4096];
  int slot;
  long a, b;
  puts("ready");
  fflush(stdout);
  while (fgets(line, sizeof line, stdin)) {
    char *hex = strrchr(line, ' ');
    if (sscanf(line, "open %d %4095s %li", &slot, path, &a) == 3) {
      int fd = open(path, (int)a);
      if (fd < 0) answer(-1, NULL);
      else { answer(dup2(fd, slot), NULL); close(fd); }
    } else if (sscanf(line, "read %d %li %li", &slot, &a, &b) == 3) answer(pread(slot, buffer, b, a), buffer);
    else if (sscanf(line, "write %d %li", &slot, &a) == 2) answer(pwrite(slot, buffer, unhex(hex + 1), a), NULL);
    else if (sscanf(line, "append %d", &slot) == 1) answer(write(slot, buffer, unhex(hex + 1)), NULL);
    else if (sscanf(line, "poll %d %li %li", &slot, &a, &b) == 3) {
      struct pollfd asked = {.fd = slot, .events = (short)a};
      long ready = poll(&asked, 1, (int)b);
      answer(ready < 0 ? -1 : ready == 0 ? 0 : asked.revents, NULL);
    } else if (sscanf(line, "close %d", &slot) == 1) answer(close(slot), NULL);
    else if (sscanf(line, "mmap %d", &slot) == 1) {
      void *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, slot, 0);
      answer(p == MAP_FAILED ? -1 : 0, NULL);
    } else if (sscanf(line, "sendfile %d", &slot) == 1) {
      int out = open("/dev/null", O_WRONLY);
      answer(sendfile(out, slot, NULL, 4096), NULL);
      close(out);
    } else if (sscanf(line, "mapprivate %d", &slot) == 1) {
      void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, slot, 0);
      if (p == MAP_FAILED) answer(-1, NULL);
      else { printf("ok %ld\n", (long)p); fflush(stdout); }
    } else if (sscanf(line, "stat %4095s", path) == 1) { struct stat st; answer(stat(path, &st), NULL); }
    else if (sscanf(line, "adopt %d", &slot) == 1) answer(transfer(slot, 0), NULL);
    else if (sscanf(line, "send %d", &slot) == 1) answer(transfer(slot, 1), NULL);
    else if (sscanf(line, "stderr %d", &slot) == 1) answer(dup2(slot, 2), NULL);
    else if (!strncmp(line, "comm ", 5)) { buffer[unhex(line + 5)] = 0; answer(prctl(PR_SET_NAME, buffer), NULL); }
    else if (sscanf(line, "%15s", word) == 1 && !strcmp(word, "pid")) answer(getpid(), NULL);
    else if (sscanf(line, "exec %4095s", path) == 1) { execl(path, path, (char *)NULL); answer(-1, NULL); }
    else { errno = EINVAL; answer(-1, NULL); }
  }
  return 0;
}
