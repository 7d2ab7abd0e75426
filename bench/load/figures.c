/* Counting, and a histogram of latencies: 64 steps for each doubling, so that a figure is right within 1.6 %. */
#define _GNU_SOURCE
#include "figures.h"
#include "load.h"
#include <string.h>

#define STEPS 64
#define BUCKETS (40 * STEPS)

struct figures total;
uint64_t read_at;
static uint32_t histogram[BUCKETS];
static uint64_t timed;

static int bucket_of(uint64_t us) {
  if (us < STEPS) return (int)us;
  int doubling = 63 - __builtin_clzll(us);
  int bucket = (doubling - 5) * STEPS + (int)((us >> (doubling - 6)) & (STEPS - 1));
  return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static double middle_of(int bucket) {
  if (bucket < STEPS) return bucket;
  int doubling = bucket / STEPS + 5;
  return (double)((uint64_t)(STEPS + (bucket & (STEPS - 1))) << (doubling - 6));
}

void latencies_reset(void) {
  memset(histogram, 0, sizeof histogram);
  timed = 0;
  total.latency_max = 0;
}

double latency_ms(double share) {
  uint64_t wanted = (uint64_t)((double)timed * share), passed = 0;
  for (int bucket = 0; bucket < BUCKETS; bucket++) {
    passed += histogram[bucket];
    if (passed > wanted) return middle_of(bucket) / 1000;
  }
  return (double)total.latency_max / 1000;
}

void delivered(uint64_t sent_at) {
  uint64_t us = read_at > sent_at ? read_at - sent_at : 0;
  histogram[bucket_of(us)]++;
  timed++;
  total.delivered++;
  if (us > total.latency_max) total.latency_max = us;
}

void answered(bool well) {
  if (well) total.answered++;
  else total.refused++;
}

size_t count_marks(struct phone *phone, const uint8_t *bytes, size_t length) {
  (void)phone;
  const uint8_t *at = bytes, *end = bytes + length;
  while ((at = memchr(at, '@', (size_t)(end - at))) != NULL) {
    if (end - at < 14) return (size_t)(at - bytes);
    if (at[1] != 'T') {
      at++;
      continue;
    }
    uint64_t sent_at = 0;
    for (int digit = 2; digit < 14; digit++) sent_at = sent_at * 10 + (uint64_t)(at[digit] - '0');
    delivered(sent_at);
    at += 14;
  }
  return length;
}
