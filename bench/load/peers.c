/* What the other servers from npm speak. All of them pass on the mark of what was said or where somebody walked. */
#define _GNU_SOURCE
#include "load.h"
#include <stdio.h>
#include <string.h>

static size_t chat_line(struct phone *phone, char *out, const char *text) {
  (void)phone;
  return (size_t)sprintf(out, "{\"type\":\"chat\",\"text\":\"%s\"}\n", text);
}

static size_t move_line(struct phone *phone, char *out, int x, int y, uint64_t now) {
  (void)phone;
  return (size_t)sprintf(out, "{\"type\":\"move\",\"x\":%d,\"y\":%d,\"t\":\"@T%012llu\"}\n", x, y, (unsigned long long)now);
}

/* --- JSON lines: bare node:net --- */

static void lines_opened(struct phone *phone) {
  char line[96];
  int length = snprintf(line, sizeof line, "{\"type\":\"hello\",\"x\":%d,\"y\":%d}\n", (int)phone->x, (int)phone->y);
  phone_send(phone, line, (size_t)length);
}

/* It is answered: a socket that is only open may still wait for the server to take it. */
static void lines_greeted(struct phone *phone, const char *message, size_t length) {
  (void)message;
  (void)length;
  phone_ready(phone);
}

const struct protocol plain_lines = {
  .name = "lines", .opened = lines_opened, .greeted = lines_greeted, .heard = count_marks, .chat = chat_line,
  .move = move_line};

/* --- JSON in WebSocket messages: ws --- */

static size_t root_path(struct phone *phone, char *out, size_t capacity) {
  return (size_t)snprintf(out, capacity, "/?x=%d&y=%d", (int)phone->x, (int)phone->y);
}

static size_t chat_message(struct phone *phone, char *out, const char *text) { return chat_line(phone, out, text) - 1; }
static size_t move_message(struct phone *phone, char *out, int x, int y, uint64_t now) {
  return move_line(phone, out, x, y, now) - 1;
}

const struct protocol plain_websocket = {
  .name = "ws", .websocket = true, .path = root_path, .opened = phone_ready, .heard = count_marks,
  .chat = chat_message, .move = move_message};

/* --- Socket.IO: Engine.IO 4 packets as text --- */

static size_t socketio_path(struct phone *phone, char *out, size_t capacity) {
  return (size_t)snprintf(out, capacity, "/socket.io/?EIO=4&transport=websocket&x=%d&y=%d", (int)phone->x, (int)phone->y);
}

static void socketio_opened(struct phone *phone) { (void)phone; }

static bool socketio_control(struct phone *phone, const char *message, size_t length) {
  if (length != 1 || message[0] != '2') return false;
  phone_send(phone, "3", 1);
  return true;
}

static void socketio_greeted(struct phone *phone, const char *message, size_t length) {
  if (length > 0 && message[0] == '0') phone_send(phone, "40", 2);
  else if (length > 1 && message[0] == '4' && message[1] == '0') phone_ready(phone);
  else socketio_control(phone, message, length);
}

static size_t socketio_chat(struct phone *phone, char *out, const char *text) {
  (void)phone;
  return (size_t)sprintf(out, "42[\"chat\",{\"text\":\"%s\"}]", text);
}

static size_t socketio_move(struct phone *phone, char *out, int x, int y, uint64_t now) {
  (void)phone;
  return (size_t)sprintf(out, "42[\"move\",{\"x\":%d,\"y\":%d,\"t\":\"@T%012llu\"}]", x, y, (unsigned long long)now);
}

const struct protocol socketio = {
  .name = "socketio", .websocket = true, .path = socketio_path, .opened = socketio_opened,
  .greeted = socketio_greeted, .control = socketio_control, .heard = count_marks, .chat = socketio_chat,
  .move = socketio_move};

/* --- Colyseus 0.18: asked for a seat by HTTP, then binary messages --- */

static size_t colyseus_ask(struct phone *phone, char *out, size_t capacity) {
  (void)phone;
  return (size_t)snprintf(out, capacity,
    "POST /matchmake/joinOrCreate/plaza HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    "Accept: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
}

static bool colyseus_asked(struct phone *phone, const char *answer) {
  char session[48], room[48], process[48];
  if (!text_after(answer, "\"sessionId\":\"", session, sizeof session)) return false;
  if (!text_after(answer, "\"roomId\":\"", room, sizeof room)) return false;
  if (!text_after(answer, "\"processId\":\"", process, sizeof process)) return false;
  snprintf(phone->path, sizeof phone->path, "/%s/%s?sessionId=%s", process, room, session);
  return true;
}

static size_t colyseus_path(struct phone *phone, char *out, size_t capacity) {
  return (size_t)snprintf(out, capacity, "%s", phone->path);
}

enum { JOIN_ROOM = 10, ROOM_DATA = 13, ROOM_STATE = 14 };

static void colyseus_greeted(struct phone *phone, const char *message, size_t length) {
  if (length == 0 || (message[0] & 0x7f) != JOIN_ROOM) return;
  phone_send(phone, (char[]){JOIN_ROOM}, 1);
  phone_ready(phone);
}

/* The whole state, on joining, is no delivery. */
static bool colyseus_control(struct phone *phone, const char *message, size_t length) {
  (void)phone;
  return length > 0 && (message[0] & 0x3f) == ROOM_STATE;
}

static char *packed_text(char *out, const char *text) {
  size_t length = strlen(text);
  if (length < 32) *out++ = (char)(0xa0 | length);
  else {
    *out++ = (char)0xd9;
    *out++ = (char)length;
  }
  memcpy(out, text, length);
  return out + length;
}

static char *packed_64(char *out, int kind, uint64_t value) {
  *out++ = (char)kind;
  for (int byte = 7; byte >= 0; byte--) *out++ = (char)(value >> (8 * byte));
  return out;
}

static size_t colyseus_chat(struct phone *phone, char *out, const char *text) {
  (void)phone;
  out[0] = ROOM_DATA;
  return (size_t)(packed_text(packed_text(out + 1, "chat"), text) - out);
}

/* The time goes in 40 bits under a mark of 24, which stands at the end of the eight bytes of a patch. */
#define MAGIC 0xE95CA7ULL

static size_t colyseus_move(struct phone *phone, char *out, int x, int y, uint64_t now) {
  (void)phone;
  double place[2] = {x, y};
  uint64_t bits[2];
  memcpy(bits, place, sizeof bits);
  out[0] = ROOM_DATA;
  char *at = packed_text(out + 1, "move");
  *at++ = (char)0x93;
  at = packed_64(packed_64(at, 0xcb, bits[0]), 0xcb, bits[1]);
  return (size_t)(packed_64(at, 0xcf, MAGIC << 40 | (now & 0xFFFFFFFFFFULL)) - out);
}

static size_t colyseus_heard(struct phone *phone, const uint8_t *bytes, size_t length) {
  if (options.side_cm == 0) return count_marks(phone, bytes, length);
  uint64_t era = read_at & ~0xFFFFFFFFFFULL;
  for (const uint8_t *at = bytes + 5, *end = bytes + length; at + 3 <= end; at++) {
    at = memchr(at, 0xA7, (size_t)(end - at));
    if (at == NULL || at + 3 > end) break;
    if (at[1] != 0x5C || at[2] != 0xE9) continue;
    uint64_t sent_at = 0;
    memcpy(&sent_at, at - 5, 5);
    delivered(era | sent_at);
  }
  return length;
}

const struct protocol colyseus = {
  .name = "colyseus", .websocket = true, .binary = true, .ask = colyseus_ask, .asked = colyseus_asked,
  .path = colyseus_path, .opened = socketio_opened, .greeted = colyseus_greeted, .control = colyseus_control,
  .heard = colyseus_heard, .chat = colyseus_chat, .move = colyseus_move};
