/*
 * The load client's commands, one a line on standard input, each answered by one line of JSON:
 *
 *     connect N         opens phones until N are ready, or nothing happens for 20 s
 *     say RATE          so many lines a second from here on, evenly, by the speakers in turn; 0: no more
 *     walk RATE         so many moves a second, by all in turn
 *     measure SECONDS   what happened in that time
 *     drain             ends when nothing has been heard for 400 ms
 *     total             all counts since the start
 *
 * Senders do not wait: what cannot be sent in time counts as missed. Owns nothing of sockets and protocols.
 */
#define _GNU_SOURCE
#include "figures.h"
#include "phones.h"
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define OPENING_MAX 64
#define STALLED_US 20000000
#define QUIET_US 400000
#define LATE_US 500000
#define POLL_US 1000
#define BURST_MAX 2000
/* As the SDK does: 1.6 times what the server asks for (sdk/typescript/src/Limits.ts). */
#define HEARTBEAT_US 24000000
#define CELL_CM 1000
#define CELLS 512

struct options options = {.protocol = &noriter, .speakers = 10};
static int phones_max = 1000;
static int next_beating;
static uint64_t beat_at;
static int in_cell[CELLS][CELLS];

/* --- Who sees whom --- */

static int cell_of(double cm) {
  int cell = 1 + (int)(cm / CELL_CM);
  return cell < 1 ? 1 : cell > CELLS - 2 ? CELLS - 2 : cell;
}

static int seers(const struct phone *phone) {
  int count = 0, column = cell_of(phone->x), row = cell_of(phone->y);
  for (int c = column - 1; c <= column + 1; c++) {
    for (int r = row - 1; r <= row + 1; r++) count += in_cell[c][r];
  }
  return count;
}

static void walk(struct phone *phone) {
  if (options.step_cm == 0) return;
  in_cell[cell_of(phone->x)][cell_of(phone->y)]--;
  double x = phone->x + options.step_cm * cos(phone->angle), y = phone->y + options.step_cm * sin(phone->angle);
  bool inside = x >= 0 && y >= 0 && x < options.side_cm && y < options.side_cm;
  if (inside) {
    phone->x = x;
    phone->y = y;
  }
  /* Straight on for a while, and back from the edges. */
  if (!inside || phone->moves % 32 == 0) phone->angle += inside ? drand48() - 0.5 : M_PI * (0.5 + drand48());
  in_cell[cell_of(phone->x)][cell_of(phone->y)]++;
}

/* --- Saying --- */

static void say(struct phone *phone) {
  char text[512], out[2048];
  int length = snprintf(text, sizeof text, "@T%012llu ", (unsigned long long)now_us());
  memset(text + length, 'x', (size_t)(options.text_bytes - length));
  text[options.text_bytes] = 0;
  phone_send(phone, out, options.protocol->chat(phone, out, text));
  total.expected += (uint64_t)phones_ready;
}

static void move(struct phone *phone) {
  char out[512];
  walk(phone);
  phone_send(phone, out, options.protocol->move(phone, out, (int)phone->x, (int)phone->y, now_us()));
  total.expected += (uint64_t)seers(phone);
}

static void beat(uint64_t now) {
  const char *line = options.protocol->heartbeat;
  if (line == NULL || phones_opened == 0) return;
  while (beat_at <= now) {
    beat_at += HEARTBEAT_US / (uint64_t)phones_opened;
    struct phone *phone = &phones[next_beating++ % phones_opened];
    if (phone->state == READY) phone_send(phone, line, strlen(line));
  }
}

/* What is sent at a rate. */
struct stream {
  void (*send)(struct phone *);
  double rate, due_at;
  int next;
};

static struct stream lines = {.send = say}, walks = {.send = move};

static void set_rate(struct stream *stream, double rate) {
  stream->rate = rate;
  stream->due_at = (double)now_us();
  puts("{}");
}

static void send_due(struct stream *stream, int senders) {
  double now = (double)now_us();
  if (stream->rate == 0) return;
  if (now - stream->due_at > LATE_US) {
    total.missed += (uint64_t)((now - stream->due_at) * stream->rate / 1e6);
    stream->due_at = now;
  }
  for (int burst = 0; stream->due_at <= now && burst < BURST_MAX; burst++) {
    struct phone *phone = &phones[stream->next++ % senders];
    stream->due_at += 1e6 / stream->rate;
    if (phone->state != READY) continue;
    stream->send(phone);
    total.sent++;
  }
}

static double wait_us(const struct stream *stream) {
  double wait = stream->rate == 0 ? POLL_US : stream->due_at - (double)now_us();
  return wait < 0 ? 0 : wait > POLL_US ? POLL_US : wait;
}

static void pump(void) {
  send_due(&lines, options.speakers);
  send_due(&walks, phones_opened);
  beat(now_us());
  phones_poll((long)fmin(wait_us(&lines), wait_us(&walks)));
}

/* --- Commands --- */

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void place(struct phone *phone) {
  phone->angle = drand48() * 2 * M_PI;
  phone->x = drand48() * options.side_cm;
  phone->y = drand48() * options.side_cm;
}

static void connect_phones(int count) {
  uint64_t begun = now_us(), changed = begun;
  int before = phones_ready;
  for (int seen = phones_ready; phones_ready < count && now_us() - changed < STALLED_US;) {
    int opening = phones_opened - phones_ready - (int)total.closed - (int)total.failed;
    for (; opening < OPENING_MAX && phones_opened < phones_max && phones_ready + opening < count; opening++) {
      place(&phones[phones_opened]);
      phone_open(&phones[phones_opened]);
    }
    pump();
    if (phones_ready != seen) changed = now_us();
    seen = phones_ready;
  }
  memset(in_cell, 0, sizeof in_cell);
  for (int id = 0; id < phones_opened; id++) {
    if (phones[id].state == READY) in_cell[cell_of(phones[id].x)][cell_of(phones[id].y)]++;
  }
  double seconds = (double)(now_us() - begun) / 1e6;
  printf("{\"ready\":%d,\"opened\":%d,\"failed\":%llu,\"seconds\":%.3f}\n", phones_ready, phones_ready - before,
    (unsigned long long)total.failed, seconds);
}

static void print_since(const struct figures *before, double seconds, double cpu) {
#define SINCE(name) (unsigned long long)(total.name - before->name)
  printf("{\"seconds\":%.3f,\"cpu\":%.3f,\"phones\":%d,\"sent\":%llu,\"expected\":%llu,\"delivered\":%llu,"
         "\"answered\":%llu,\"refused\":%llu,\"missed\":%llu,\"closed\":%llu,\"reads\":%llu,\"bytes\":%llu,"
         "\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f}\n",
    seconds, cpu, phones_ready, SINCE(sent), SINCE(expected), SINCE(delivered), SINCE(answered), SINCE(refused),
    SINCE(missed), SINCE(closed), SINCE(reads), SINCE(bytes), latency_ms(0.5), latency_ms(0.99),
    (double)total.latency_max / 1000);
}

static void measure(double seconds) {
  struct figures before = total;
  double cpu = cpu_seconds();
  uint64_t begun = now_us();
  latencies_reset();
  while ((double)(now_us() - begun) < seconds * 1e6) pump();
  double elapsed = (double)(now_us() - begun) / 1e6;
  print_since(&before, elapsed, (cpu_seconds() - cpu) / elapsed);
}

static void drain(void) {
  uint64_t begun = now_us(), quiet_since = begun, seen = total.bytes;
  while (now_us() - quiet_since < QUIET_US && now_us() - begun < STALLED_US) {
    pump();
    if (total.bytes != seen) quiet_since = now_us();
    seen = total.bytes;
  }
  printf("{\"quiet\":%s}\n", now_us() - quiet_since < QUIET_US ? "false" : "true");
}

static void run(const char *command) {
  static const struct figures zero;
  double number = 0;
  if (sscanf(command, "connect %lf", &number) == 1) connect_phones((int)number);
  else if (sscanf(command, "measure %lf", &number) == 1) measure(number);
  else if (sscanf(command, "say %lf", &number) == 1) set_rate(&lines, number);
  else if (sscanf(command, "walk %lf", &number) == 1) set_rate(&walks, number);
  else if (strncmp(command, "drain", 5) == 0) drain();
  else if (strncmp(command, "total", 5) == 0) print_since(&zero, 0, 0);
  else exit(2);
  fflush(stdout);
}

/* --- Start --- */

static const struct protocol *protocol_named(const char *name) {
  const struct protocol *all[] = {&noriter,  &plain_lines, &plain_websocket, &socketio,
                                  &colyseus, &centrifugo,  &nakama};
  for (size_t index = 0; index < sizeof all / sizeof *all; index++) {
    if (strcmp(all[index]->name, name) == 0) return all[index];
  }
  fprintf(stderr, "no protocol is called %s\n", name);
  exit(2);
}

static void read_options(int count, char **given) {
  for (int index = 1; index + 1 < count; index += 2) {
    const char *name = given[index];
    char *value = given[index + 1];
    if (strcmp(name, "--protocol") == 0) options.protocol = protocol_named(value);
    else if (strcmp(name, "--phones") == 0) phones_max = atoi(value);
    else if (strcmp(name, "--speakers") == 0) options.speakers = atoi(value);
    else if (strcmp(name, "--text-bytes") == 0) options.text_bytes = atoi(value);
    else if (strcmp(name, "--side-cm") == 0) options.side_cm = atof(value);
    else if (strcmp(name, "--step-cm") == 0) options.step_cm = atof(value);
    else if (strcmp(name, "--idle") == 0) options.idle = atoi(value) != 0;
    else if (strcmp(name, "--blocking") == 0) options.blocking = atoi(value);
    else if (strcmp(name, "--ports") == 0) {
      for (char *port = strtok(value, ","); port != NULL && options.port_count < 8; port = strtok(NULL, ",")) {
        options.ports[options.port_count++] = atoi(port);
      }
    } else {
      fprintf(stderr, "no such option: %s\n", name);
      exit(2);
    }
  }
}

int main(int count, char **given) {
  signal(SIGPIPE, SIG_IGN);
  read_options(count, given);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  phones_begin(phones_max);
  fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
  char line[128];
  size_t length = 0;
  for (;;) {
    pump();
    ssize_t got = read(STDIN_FILENO, line + length, 1);
    if (got == 0) return 0;
    if (got < 0) continue;
    if (line[length] == '\n' || length == sizeof line - 2) {
      line[length] = 0;
      length = 0;
      run(line);
    } else length++;
  }
}
