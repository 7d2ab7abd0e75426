/*
 * Centrifugo's JSON protocol: everybody is subscribed to one channel for what is said, or to those of the nine cells
 * around, in which moves are published. Its commands and replies come several to a message, each on a line.
 */
#define _GNU_SOURCE
#include "load.h"
#include <stdio.h>
#include <string.h>

#define CELL_CM 1000

static int column_of(double cm) { return (int)(cm / CELL_CM); }

static size_t path(struct phone *phone, char *out, size_t capacity) {
  (void)phone;
  return (size_t)snprintf(out, capacity, "/connection/websocket");
}

static void opened(struct phone *phone) {
  char connect[64];
  int length = snprintf(connect, sizeof connect, "{\"id\":%u,\"connect\":{}}", phone->next_id++);
  phone_send(phone, connect, (size_t)length);
}

static size_t subscribe(struct phone *phone, char *out, const char *channel) {
  return (size_t)sprintf(out, "{\"id\":%u,\"subscribe\":{\"channel\":\"%s\"}}\n", phone->next_id++, channel);
}

static void subscribe_all(struct phone *phone) {
  char commands[2048], channel[32];
  size_t length = 0;
  if (options.side_cm == 0) length = subscribe(phone, commands, "plaza");
  for (int place = 0; options.side_cm > 0 && place < 9; place++) {
    sprintf(channel, "cell_%d_%d", column_of(phone->x) + place % 3 - 1, column_of(phone->y) + place / 3 - 1);
    length += subscribe(phone, commands + length, channel);
  }
  phone->moves = options.side_cm > 0 ? 9 : 1;
  /* Without the line feed behind the last one. */
  phone_send(phone, commands, length - 1);
}

static bool control(struct phone *phone, const char *message, size_t length) {
  if (length != 2 || memcmp(message, "{}", 2) != 0) return false;
  phone_send(phone, "{}", 2);
  return true;
}

/* `moves` counts, until it is ready, the subscriptions that are not confirmed yet. */
static void greeted(struct phone *phone, const char *message, size_t length) {
  if (control(phone, message, length)) return;
  if (contains(message, length, "\"error\"") || contains(message, length, "\"disconnect\"")) {
    fprintf(stderr, "centrifugo: %.*s\n", (int)length, message);
    return;
  }
  if (contains(message, length, "\"connect\":")) return options.idle ? phone_ready(phone) : subscribe_all(phone);
  const char *at = message, *end = message + length;
  for (; (at = memmem(at, (size_t)(end - at), "\"subscribe\":", 12)) != NULL; at += 12) {
    if (phone->moves > 0 && --phone->moves == 0) return phone_ready(phone);
  }
}

static size_t chat(struct phone *phone, char *out, const char *text) {
  return (size_t)sprintf(out, "{\"id\":%u,\"publish\":{\"channel\":\"plaza\",\"data\":{\"type\":\"chat\",\"text\":\"%s\"}}}",
    phone->next_id++, text);
}

static size_t move(struct phone *phone, char *out, int x, int y, uint64_t now) {
  return (size_t)sprintf(out,
    "{\"id\":%u,\"publish\":{\"channel\":\"cell_%d_%d\",\"data\":{\"type\":\"move\",\"id\":\"u%d\",\"x\":%d,\"y\":%d,"
    "\"t\":\"@T%012llu\"}}}",
    phone->next_id++, column_of(x), column_of(y), phone->id, x, y, (unsigned long long)now);
}

const struct protocol centrifugo = {
  .name = "centrifugo", .websocket = true, .path = path, .opened = opened, .greeted = greeted, .control = control,
  .heard = count_marks, .chat = chat, .move = move};
