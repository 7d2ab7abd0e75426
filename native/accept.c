/*
 * Whoever waits at a listening socket, in one call. Linux only: elsewhere there is nothing of this, and Node accepts each.
 *
 * accept(first, listener, descriptors, ports)    the addresses of those that were accepted, as text: a list
 *
 * first     a socket that Node has: it comes first, under a number of its own, so that Node may close its own; where that
 *           cannot be, nobody is accepted. listener  -1: nobody else
 * descriptors, ports  Int32Arrays of one length: so many at once; they are filled for as many as there are addresses.
 *
 * None of them blocks, and each sends at once what it is given (TCP_NODELAY). Who cannot be accepted is left: for want of
 * descriptors, say, which Node finds out with the next. Never waits.
 *
 * A socket that Node accepts costs an object of C++ and a stream of JavaScript with all its state, before anything is said
 * on it: more than the kernel's part.
 */
#define NAPI_VERSION 8
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <node_api.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

static napi_value refuse(napi_env env, const char *why) {
  napi_throw_type_error(env, NULL, why);
  return NULL;
}

/* The memory of an Int32Array; NULL: it is none. */
static int32_t *numbers(napi_env env, napi_value value, size_t *length) {
  napi_typedarray_type type;
  void *data;
  if (napi_get_typedarray_info(env, value, &type, length, &data, NULL, NULL) != napi_ok) return NULL;
  return type == napi_int32_array ? data : NULL;
}

/* The text of an address, and its port; false: it is of neither family. */
static bool named(const struct sockaddr_storage *from, char *text, int32_t *port) {
  if (from->ss_family == AF_INET) {
    const struct sockaddr_in *four = (const struct sockaddr_in *)from;
    *port = ntohs(four->sin_port);
    return inet_ntop(AF_INET, &four->sin_addr, text, INET6_ADDRSTRLEN) != NULL;
  }
  if (from->ss_family != AF_INET6) return false;
  const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;
  *port = ntohs(six->sin6_port);
  return inet_ntop(AF_INET6, &six->sin6_addr, text, INET6_ADDRSTRLEN) != NULL;
}

/* Adds one to those that were accepted, or closes it; false: it is closed. */
static bool add(napi_env env, napi_value addresses, uint32_t index, int descriptor, const struct sockaddr_storage *from, int32_t *port) {
  char text[INET6_ADDRSTRLEN];
  napi_value address;
  int on = 1;
  bool is_well = named(from, text, port) && setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
                 napi_create_string_latin1(env, text, NAPI_AUTO_LENGTH, &address) == napi_ok &&
                 napi_set_element(env, addresses, index, address) == napi_ok;
  if (!is_well) close(descriptor);
  return is_well;
}

static napi_value accept_all(napi_env env, napi_callback_info info) {
  size_t given = 4, room, ported;
  napi_value arguments[4], addresses;
  int32_t first, listener;
  if (napi_get_cb_info(env, info, &given, arguments, NULL, NULL) != napi_ok || given < 4) return refuse(env, "accept takes 4 arguments");
  if (napi_get_value_int32(env, arguments[0], &first) != napi_ok || napi_get_value_int32(env, arguments[1], &listener) != napi_ok) {
    return refuse(env, "first and listener are numbers");
  }
  int32_t *descriptors = numbers(env, arguments[2], &room), *ports = numbers(env, arguments[3], &ported);
  if (descriptors == NULL || ports == NULL || room == 0 || ported < room) {
    return refuse(env, "descriptors and ports must be Int32Arrays of one length");
  }
  if (napi_create_array(env, &addresses) != napi_ok) return NULL;
  struct sockaddr_storage from;
  socklen_t length = sizeof from;
  if (getpeername(first, (struct sockaddr *)&from, &length) < 0) return addresses;
  descriptors[0] = fcntl(first, F_DUPFD_CLOEXEC, 0);
  if (descriptors[0] < 0 || !add(env, addresses, 0, descriptors[0], &from, &ports[0])) return addresses;
  for (uint32_t count = 1; listener >= 0 && count < room;) {
    length = sizeof from;
    int descriptor = accept4(listener, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) break;
    descriptors[count] = descriptor;
    if (add(env, addresses, count, descriptor, &from, &ports[count])) count++;
  }
  return addresses;
}

NAPI_MODULE_INIT() {
  napi_value function;
  if (napi_create_function(env, "accept", NAPI_AUTO_LENGTH, accept_all, NULL, &function) != napi_ok) return NULL;
  return function;
}
