/*
 * Noriter's lines. A line said carries its mark; a move is known again by its place, since the last four bits of x count
 * a phone's moves, and `moved` names who walked.
 */
#define _GNU_SOURCE
#include "load.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEMBERS_MAX 1000000

static int phone_of[MEMBERS_MAX];

static void open_noriter(struct phone *phone) {
  char line[256];
  int length = snprintf(line, sizeof line,
    "{\"id\":%u,\"hello\":{\"deviceSecret\":\"load-phone-%d-of-%d\",\"nickname\":\"p%d\",\"sdk\":\"bench/1\"}}\n",
    phone->next_id++, phone->id, getpid(), phone->id);
  phone_send(phone, line, (size_t)length);
}

static void greeted(struct phone *phone, const char *line, size_t length) {
  if (contains(line, length, "\"error\"") || contains(line, length, "\"disconnect\"")) {
    fprintf(stderr, "noriter: %.*s\n", (int)length, line);
    return;
  }
  if (contains(line, length, "\"hello\"")) {
    if (options.idle) return phone_ready(phone);
    char enter[96];
    int count = snprintf(enter, sizeof enter, "{\"id\":%u,\"enter\":{\"playground\":\"park\",\"avatar\":\"fox\"}}\n",
      phone->next_id++);
    phone_send(phone, enter, (size_t)count);
  } else if (contains(line, length, "\"enter\"")) {
    long member = number_after(line, length, "\"member\":");
    if (member > 0 && member < MEMBERS_MAX) phone_of[member] = phone->id + 1;
    phone_ready(phone);
  }
}

/* What a speaker is told of what it asked: lines that begin with `{"re":`. */
static void count_answers(const char *bytes, size_t length) {
  const char *at = bytes, *end = bytes + length;
  for (const char *stop; at < end && (stop = memchr(at, '\n', (size_t)(end - at))) != NULL; at = stop + 1) {
    size_t line = (size_t)(stop - at);
    if (line > 6 && memcmp(at, "{\"re\":", 6) == 0) answered(!contains(at, line < 64 ? line : 64, "\"error\""));
  }
}

#define LIST_MAX 8192

/* Numbers up to the closing bracket; answers how many, and where it ended. */
static int read_list(const char **from, const char *end, uint32_t *into) {
  const char *at = *from;
  int count = 0;
  uint32_t value = 0;
  for (; at < end; at++) {
    unsigned digit = (unsigned)(*at - '0');
    if (digit < 10) value = value * 10 + digit;
    else {
      if (count < LIST_MAX) into[count++] = value;
      value = 0;
      if (*at == ']') break;
    }
  }
  *from = at;
  return count;
}

static void count_moved(const char *line, size_t length) {
  static uint32_t member[LIST_MAX], x[LIST_MAX];
  static const char begin[] = "{\"moved\":{\"member\":[", next[] = "],\"xCm\":[";
  if (length < sizeof begin || memcmp(line, begin, sizeof begin - 1) != 0) return;
  const char *at = line + sizeof begin - 1, *end = line + length;
  int members = read_list(&at, end, member);
  at += sizeof next - 1;
  int places = read_list(&at, end, x);
  for (int index = 0; index < members && index < places; index++) {
    int id = member[index] < MEMBERS_MAX ? phone_of[member[index]] : 0;
    if (id == 0) continue;
    uint64_t moved_at = phones[id - 1].moved_at[x[index] & (MOVES_KNOWN - 1)];
    if (moved_at != 0) delivered(moved_at);
  }
}

/* Blocks whoever it sees first. */
static void block(struct phone *phone, const char *bytes, size_t length) {
  static const char begin[] = "{\"appeared\":{\"members\":[{\"member\":";
  const char *at = memmem(bytes, length, begin, sizeof begin - 1);
  if (at == NULL) return;
  char line[96];
  int count = snprintf(line, sizeof line, "{\"id\":%u,\"block\":{\"member\":%ld}}\n", phone->next_id++,
    strtol(at + sizeof begin - 1, NULL, 10));
  phone->blocked = true;
  phone_send(phone, line, (size_t)count);
}

static size_t heard(struct phone *phone, const uint8_t *bytes, size_t length) {
  const uint8_t *end = memrchr(bytes, '\n', length);
  if (end == NULL) return 0;
  size_t whole = (size_t)(end + 1 - bytes);
  if (!phone->blocked && phone->id % 100 < options.blocking) block(phone, (const char *)bytes, whole);
  if (phone->id < options.speakers) count_answers((const char *)bytes, whole);
  if (options.text_bytes > 0) count_marks(phone, bytes, whole);
  if (options.side_cm == 0) return whole;
  const char *at = (const char *)bytes, *stop = (const char *)bytes + whole;
  for (const char *line_end; at < stop; at = line_end + 1) {
    line_end = memchr(at, '\n', (size_t)(stop - at));
    count_moved(at, (size_t)(line_end - at));
  }
  return whole;
}

static size_t chat(struct phone *phone, char *out, const char *text) {
  return (size_t)sprintf(out, "{\"id\":%u,\"say\":{\"text\":\"%s\",\"reach\":\"REACH_PLAYGROUND\"}}\n",
    phone->next_id++, text);
}

static size_t move(struct phone *phone, char *out, int x, int y, uint64_t now) {
  uint32_t count = phone->moves++ & (MOVES_KNOWN - 1);
  phone->moved_at[count] = now;
  return (size_t)sprintf(out, "{\"move\":{\"xCm\":%d,\"yCm\":%d}}\n", (int)((unsigned)x & ~(MOVES_KNOWN - 1u)) | (int)count, y);
}

const struct protocol noriter = {
  .name = "noriter", .opened = open_noriter, .greeted = greeted, .heard = heard, .chat = chat, .move = move,
  .heartbeat = "{\"ping\":{}}\n"};
