/* The phones' sockets: one epoll for all, bytes kept until they are whole, WebSocket frames around and off messages. */
#define _GNU_SOURCE
#include "phones.h"
#include "figures.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES (256 << 10)
#define BUFFER_BYTES (8 << 20)
#define UNSENT_MAX (1 << 20)

struct phone *phones;
int phones_ready, phones_opened;
static int epoll_fd;
static uint8_t buffer[BUFFER_BYTES];

uint64_t now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

bool contains(const char *text, size_t length, const char *what) {
  return memmem(text, length, what, strlen(what)) != NULL;
}

bool text_after(const char *text, const char *name, char *into, size_t capacity) {
  const char *at = strstr(text, name);
  if (at == NULL) return false;
  at += strlen(name);
  size_t length = strcspn(at, "\"");
  if (length >= capacity) return false;
  memcpy(into, at, length);
  into[length] = 0;
  return true;
}

long number_after(const char *text, size_t length, const char *name) {
  const char *at = memmem(text, length, name, strlen(name));
  return at == NULL ? -1 : strtol(at + strlen(name), NULL, 10);
}

void phones_begin(int count) {
  epoll_fd = epoll_create1(0);
  phones = calloc((size_t)count, sizeof *phones);
}

static void append(struct bytes *to, const void *from, size_t length) {
  if (to->length + length > to->capacity) {
    to->capacity = (to->length + length) * 2;
    to->at = realloc(to->at, to->capacity);
  }
  memcpy(to->at + to->length, from, length);
  to->length += length;
}

/* --- Sockets --- */

static void watch(struct phone *phone, int operation, bool writing) {
  struct epoll_event event = {.events = EPOLLIN | (writing ? EPOLLOUT : 0), .data.ptr = phone};
  epoll_ctl(epoll_fd, operation, phone->fd, &event);
}

static void phone_closed(struct phone *phone) {
  if (phone->state == CLOSED) return;
  if (phone->state == READY) {
    phones_ready--;
    total.closed++;
  } else total.failed++;
  phone->state = CLOSED;
  close(phone->fd);
}

void phone_ready(struct phone *phone) {
  if (phone->state == READY) return;
  phone->state = READY;
  phones_ready++;
}

static void socket_open(struct phone *phone) {
  phone->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (phone->fd < 0) {
    perror("socket");
    exit(1);
  }
  int one = 1;
  setsockopt(phone->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  /* Closed without a trace, so that a later run finds all ports free. */
  struct linger linger = {1, 0};
  setsockopt(phone->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)phone->port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  phone->state = CONNECTING;
  watch(phone, EPOLL_CTL_ADD, true);
  if (connect(phone->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) phone_closed(phone);
}

void phone_open(struct phone *phone) {
  phone->id = phones_opened++;
  phone->port = options.ports[phone->id % options.port_count];
  phone->next_id = 1;
  socket_open(phone);
}

static void write_bytes(struct phone *phone, const void *bytes, size_t length) {
  if (phone->state == CLOSED) return;
  ssize_t sent = 0;
  if (phone->unsent.length == 0) {
    sent = send(phone->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) return phone_closed(phone);
    if (sent < 0) sent = 0;
  }
  size_t rest = length - (size_t)sent;
  if (rest == 0) return;
  if (phone->unsent.length + rest > UNSENT_MAX) {
    total.missed++;
    return;
  }
  if (phone->unsent.length == 0) watch(phone, EPOLL_CTL_MOD, true);
  append(&phone->unsent, (const uint8_t *)bytes + sent, rest);
}

/* One frame; the mask is zero, so that the payload stays as it is. */
static void write_frame(struct phone *phone, int opcode, const void *bytes, size_t length) {
  uint8_t frame[8192] = {(uint8_t)(0x80 | opcode)};
  size_t head = 2;
  if (length < 126) frame[1] = (uint8_t)(0x80 | length);
  else {
    frame[1] = 0x80 | 126;
    frame[2] = (uint8_t)(length >> 8);
    frame[3] = (uint8_t)length;
    head = 4;
  }
  memset(frame + head, 0, 4);
  memcpy(frame + head + 4, bytes, length);
  write_bytes(phone, frame, head + 4 + length);
}

void phone_send(struct phone *phone, const void *bytes, size_t length) {
  if (options.protocol->websocket) write_frame(phone, options.protocol->binary ? 2 : 1, bytes, length);
  else write_bytes(phone, bytes, length);
}

/* --- What comes --- */

static void socket_opened(struct phone *phone) {
  const struct protocol *protocol = options.protocol;
  char request[1024], path[512];
  if (protocol->ask != NULL && phone->path[0] == 0) {
    phone->state = ASKING;
    write_bytes(phone, request, protocol->ask(phone, request, sizeof request));
  } else if (protocol->websocket) {
    protocol->path(phone, path, sizeof path);
    phone->state = UPGRADING;
    int length = snprintf(request, sizeof request,
      "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nOrigin: http://127.0.0.1\r\n\r\n",
      path, phone->port);
    write_bytes(phone, request, (size_t)length);
  } else {
    phone->state = GREETING;
    protocol->opened(phone);
  }
}

/* The answer to what was asked before the WebSocket; the socket is of no more use. */
static size_t take_answer(struct phone *phone, uint8_t *bytes, size_t length) {
  uint8_t *end = memmem(bytes, length, "\r\n\r\n", 4);
  if (end == NULL) return 0;
  long body = number_after((char *)bytes, (size_t)(end - bytes), "ontent-Length: ");
  if (body < 0) body = number_after((char *)bytes, (size_t)(end - bytes), "ontent-length: ");
  if (body < 0 || (size_t)(end + 4 - bytes) + (size_t)body > length) return 0;
  char text[4096];
  snprintf(text, sizeof text, "%.*s", (int)body, (char *)end + 4);
  bool well = options.protocol->asked(phone, text);
  close(phone->fd);
  phone->unread.length = 0;
  if (well) socket_open(phone);
  else {
    phone->state = CLOSED;
    total.failed++;
  }
  return length;
}

static void take_message(struct phone *phone, int opcode, const uint8_t *bytes, size_t length) {
  const struct protocol *protocol = options.protocol;
  if (opcode == 8) phone_closed(phone);
  else if (opcode == 9) write_frame(phone, 10, bytes, length);
  else if (opcode == 10) return;
  else if (phone->state != READY) protocol->greeted(phone, (const char *)bytes, length);
  else if (protocol->control == NULL || !protocol->control(phone, (const char *)bytes, length)) {
    protocol->heard(phone, bytes, length);
  }
}

static size_t take_frames(struct phone *phone, const uint8_t *bytes, size_t length) {
  size_t taken = 0;
  while (length - taken >= 2 && phone->state != CLOSED) {
    const uint8_t *frame = bytes + taken;
    size_t payload = frame[1] & 127, head = 2;
    if (payload == 126) {
      if (length - taken < 4) break;
      payload = (size_t)frame[2] << 8 | frame[3];
      head = 4;
    } else if (payload == 127) {
      if (length - taken < 10) break;
      payload = 0;
      for (int byte = 2; byte < 10; byte++) payload = payload << 8 | frame[byte];
      head = 10;
    }
    if (length - taken - head < payload) break;
    taken += head + payload;
    take_message(phone, frame[0] & 15, frame + head, payload);
  }
  return taken;
}

static size_t take_lines(struct phone *phone, const uint8_t *bytes, size_t length) {
  size_t taken = 0;
  while (phone->state == GREETING) {
    const uint8_t *end = memchr(bytes + taken, '\n', length - taken);
    if (end == NULL) return taken;
    size_t line = (size_t)(end - (bytes + taken));
    options.protocol->greeted(phone, (const char *)bytes + taken, line);
    taken += line + 1;
  }
  if (phone->state != READY) return length;
  return taken + options.protocol->heard(phone, bytes + taken, length - taken);
}

static size_t take(struct phone *phone, uint8_t *bytes, size_t length) {
  if (phone->state == ASKING) return take_answer(phone, bytes, length);
  if (phone->state == UPGRADING) {
    uint8_t *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (end == NULL) return 0;
    if (!contains((char *)bytes, (size_t)(end - bytes), " 101")) {
      phone_closed(phone);
      return length;
    }
    phone->state = GREETING;
    options.protocol->opened(phone);
    size_t head = (size_t)(end + 4 - bytes);
    return head + take_frames(phone, bytes + head, length - head);
  }
  return options.protocol->websocket ? take_frames(phone, bytes, length) : take_lines(phone, bytes, length);
}

static void read_phone(struct phone *phone) {
  size_t before = phone->unread.length;
  if (before + READ_BYTES > BUFFER_BYTES) return phone_closed(phone);
  memcpy(buffer, phone->unread.at, before);
  ssize_t count = recv(phone->fd, buffer + before, READ_BYTES, MSG_DONTWAIT);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) return phone_closed(phone);
  total.bytes += (uint64_t)count;
  total.reads++;
  read_at = now_us();
  size_t length = before + (size_t)count;
  phone->unread.length = 0;
  size_t taken = take(phone, buffer, length);
  if (phone->state != CLOSED && phone->state != CONNECTING && taken < length) {
    append(&phone->unread, buffer + taken, length - taken);
  }
}

static void write_phone(struct phone *phone) {
  if (phone->state == CONNECTING) {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(phone->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return phone_closed(phone);
    socket_opened(phone);
  } else if (phone->unsent.length > 0) {
    ssize_t sent = send(phone->fd, phone->unsent.at, phone->unsent.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      phone->unsent.length -= (size_t)sent;
      memmove(phone->unsent.at, phone->unsent.at + sent, phone->unsent.length);
    }
  }
  if (phone->state != CLOSED && phone->unsent.length == 0) watch(phone, EPOLL_CTL_MOD, false);
}

void phones_poll(long wait_us) {
  static struct epoll_event events[256];
  struct timespec wait = {0, wait_us * 1000};
  int count = epoll_pwait2(epoll_fd, events, 256, &wait, NULL);
  for (int index = 0; index < count; index++) {
    struct phone *phone = events[index].data.ptr;
    if (phone->state != CLOSED && events[index].events & EPOLLOUT) write_phone(phone);
    if (phone->state != CLOSED && events[index].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_phone(phone);
  }
}
