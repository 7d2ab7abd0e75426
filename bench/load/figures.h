/* What was counted and timed since it was last looked at. */
#pragma once
#include <stdint.h>

struct figures {
  uint64_t sent, expected, delivered, answered, refused, missed, closed, failed, reads, bytes, latency_max;
};

/* Of all time; a step is the difference of two looks. */
extern struct figures total;

void latencies_reset(void);
double latency_ms(double share);
