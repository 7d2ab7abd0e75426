/*
 * What the kernel alone takes for one write to each of many phones: no server can pass it.
 *
 *     write PHONES ROUNDS BYTES CORE     prints the microseconds of processor time of a write
 *
 * This process is the server, its child the phones, on that core; rounds come every 100 ms, as ticks do.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define ROUND_US 100000

static uint64_t clock_us(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static void need(int well, const char *what) {
  if (well) return;
  perror(what);
  exit(1);
}

static void read_as_phones(int count, int core, struct sockaddr_in to) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  sched_setaffinity(0, sizeof set, &set);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int all = epoll_create1(0);
  for (int phone = 0; phone < count; phone++) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    need(connect(fd, (struct sockaddr *)&to, sizeof to) == 0, "connect");
    need(epoll_ctl(all, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
  }
  static char bytes[65536];
  static struct epoll_event events[256];
  for (;;) {
    int ready = epoll_wait(all, events, 256, -1);
    for (int index = 0; index < ready; index++) {
      if (recv(events[index].data.fd, bytes, sizeof bytes, 0) <= 0) exit(0);
    }
  }
}

int main(int given, char **arguments) {
  if (given != 5) return fputs("write PHONES ROUNDS BYTES CORE\n", stderr), 2;
  int count = atoi(arguments[1]), rounds = atoi(arguments[2]), bytes = atoi(arguments[3]), core = atoi(arguments[4]);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  int listening = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof here;
  need(bind(listening, (struct sockaddr *)&here, sizeof here) == 0 && listen(listening, 1024) == 0, "listen");
  getsockname(listening, (struct sockaddr *)&here, &length);
  if (fork() == 0) read_as_phones(count, core, here);
  int *phones = calloc((size_t)count, sizeof *phones);
  char *frame = calloc(1, (size_t)bytes);
  for (int phone = 0; phone < count; phone++) {
    phones[phone] = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
    need(phones[phone] >= 0, "accept");
    setsockopt(phones[phone], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  }
  uint64_t begun = clock_us(CLOCK_PROCESS_CPUTIME_ID), at = clock_us(CLOCK_MONOTONIC), written = 0;
  for (int round = 1; round <= rounds; round++) {
    for (int phone = 0; phone < count; phone++) {
      if (send(phones[phone], frame, (size_t)bytes, MSG_NOSIGNAL) == bytes) written++;
    }
    uint64_t now = clock_us(CLOCK_MONOTONIC), next = at + (uint64_t)round * ROUND_US;
    if (now < next) usleep((useconds_t)(next - now));
  }
  printf("%.3f\n", (double)(clock_us(CLOCK_PROCESS_CPUTIME_ID) - begun) / (double)written);
  return written == (uint64_t)count * (uint64_t)rounds ? 0 : 1;
}
