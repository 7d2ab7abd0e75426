/*
 * The load client: thousands of phones in one thread, which say or walk at a set rate and time what they hear. This file
 * is what a protocol sees of it, and what it must bring.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum state { CONNECTING, ASKING, UPGRADING, GREETING, READY, CLOSED };

struct bytes {
  uint8_t *at;
  size_t length, capacity;
};

/* So many of a phone's last moves can be known again; a power of two. */
#define MOVES_KNOWN 16

struct phone {
  int fd, id, port;
  enum state state;
  struct bytes unread, unsent;
  /* Where it stands, in centimetres, and whither it walks. */
  double x, y, angle;
  uint32_t next_id, moves;
  uint64_t moved_at[MOVES_KNOWN];
  bool blocked;
  char path[512];
};

struct protocol {
  const char *name;
  bool websocket, binary;
  /* Optional: a request on a socket of its own before the WebSocket, and its answer, which fills in `path`. */
  size_t (*ask)(struct phone *, char *out, size_t capacity);
  bool (*asked)(struct phone *, const char *answer);
  size_t (*path)(struct phone *, char *out, size_t capacity);
  /* The way is open: greets, or calls phone_ready. */
  void (*opened)(struct phone *);
  /* A line, or a message, before it is ready. */
  void (*greeted)(struct phone *, const char *line, size_t length);
  /* A message after that which is no delivery; true: taken. */
  bool (*control)(struct phone *, const char *message, size_t length);
  /* Counts the deliveries in what was heard; answers how many bytes were taken. */
  size_t (*heard)(struct phone *, const uint8_t *bytes, size_t length);
  size_t (*chat)(struct phone *, char *out, const char *text);
  size_t (*move)(struct phone *, char *out, int x, int y, uint64_t now);
  /* Optional: what it says every 15 s. */
  const char *heartbeat;
};

struct options {
  const struct protocol *protocol;
  int ports[8], port_count;
  /* The side of the square that phones walk in; 0: nobody walks. */
  double side_cm;
  /* How far one goes with each move. */
  double step_cm;
  int speakers, text_bytes;
  /* Only greeted: it enters no playground. */
  bool idle;
  /* So many of a hundred hide whoever they see first. */
  int blocking;
};

extern struct options options;
extern const struct protocol noriter, plain_lines, plain_websocket, socketio, colyseus, centrifugo, nakama;

/* --- phones.c --- */
extern struct phone *phones;
extern int phones_ready;
uint64_t now_us(void);
void phone_send(struct phone *, const void *bytes, size_t length);
void phone_ready(struct phone *);
bool contains(const char *text, size_t length, const char *what);
/* The text behind a name in JSON, up to the next quote; false: there is none, or it is too long. */
bool text_after(const char *text, const char *name, char *into, size_t capacity);
/* The number behind a name in a line of JSON; -1 where there is none. */
long number_after(const char *text, size_t length, const char *name);

/* --- figures.c --- */
/* When what is being looked at was read. */
extern uint64_t read_at;
void delivered(uint64_t sent_at);
/* Counts the marks "@T" and twelve digits, which say when something was said; what may be half a mark is left. */
size_t count_marks(struct phone *, const uint8_t *bytes, size_t length);
void answered(bool well);
