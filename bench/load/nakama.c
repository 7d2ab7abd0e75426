/*
 * Nakama's JSON protocol: each phone is given a session for its device by HTTP, then joins one chat room, in which
 * everything is said and walked. It knows no cells.
 */
#define _GNU_SOURCE
#include "load.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The room is the same for all, and so is what it is called. */
static char room[128];

static size_t ask(struct phone *phone, char *out, size_t capacity) {
  char body[64];
  int length = snprintf(body, sizeof body, "{\"id\":\"load-phone-%d-of-%d\"}", phone->id, getpid());
  /* "defaultkey:", as a server is installed. */
  return (size_t)snprintf(out, capacity,
    "POST /v2/account/authenticate/device?create=true HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    "Authorization: Basic ZGVmYXVsdGtleTo=\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", length, body);
}

static bool asked(struct phone *phone, const char *answer) {
  char token[400];
  if (!text_after(answer, "\"token\":\"", token, sizeof token)) return false;
  snprintf(phone->path, sizeof phone->path, "/ws?lang=en&status=false&format=json&token=%s", token);
  return true;
}

static size_t path(struct phone *phone, char *out, size_t capacity) {
  return (size_t)snprintf(out, capacity, "%s", phone->path);
}

static void opened(struct phone *phone) {
  static const char join[] =
    "{\"cid\":\"1\",\"channel_join\":{\"target\":\"plaza\",\"type\":1,\"persistence\":false,\"hidden\":true}}";
  if (options.idle) phone_ready(phone);
  else phone_send(phone, join, sizeof join - 1);
}

static bool control(struct phone *phone, const char *message, size_t length) {
  if (length > 64 || !contains(message, length, "\"ping\"")) return false;
  phone_send(phone, "{\"pong\":{}}", 11);
  return true;
}

static void greeted(struct phone *phone, const char *message, size_t length) {
  if (control(phone, message, length)) return;
  if (contains(message, length, "\"error\"")) {
    fprintf(stderr, "nakama: %.*s\n", (int)length, message);
    return;
  }
  char text[2048];
  snprintf(text, sizeof text, "%.*s", (int)length, message);
  if (contains(message, length, "\"channel\"") && text_after(text, "\"id\":\"", room, sizeof room)) phone_ready(phone);
}

static size_t chat(struct phone *phone, char *out, const char *text) {
  (void)phone;
  return (size_t)sprintf(out,
    "{\"cid\":\"2\",\"channel_message_send\":{\"channel_id\":\"%s\",\"content\":\"{\\\"text\\\":\\\"%s\\\"}\"}}", room, text);
}

const struct protocol nakama = {
  .name = "nakama", .websocket = true, .ask = ask, .asked = asked, .path = path, .opened = opened,
  .greeted = greeted, .control = control, .heard = count_marks, .chat = chat};
