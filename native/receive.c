/*
 * What many sockets have for us, in one call. Linux only: elsewhere there is nothing of this, and Node reads.
 *
 * open()                                        a set of sockets (epoll); -1: the kernel gives none, and nobody is watched
 * watch(set, descriptor)                        from here on it is received from; false: the kernel will not have it
 * forget(set, descriptor)                       and no longer
 * receive(set, memory, descriptors, lengths)    how many had something: who, and how many bytes of each lie in `memory`,
 *                                               one after another; 0 bytes: it has ended or failed, which Node is to read
 *
 * descriptors  Int32Array, lengths  Int32Array of as many: so many at once; memory  Uint8Array. A socket is received from
 * once, and what is left of it, or had no room, is there the next time. Where many have more than there is room for, each
 * gets its part: those that come first in the set are the same each time. Never waits.
 *
 * A socket that Node reads costs a callback through its event loop, its streams, and all that it does after each:
 * more than the read itself.
 */
#define NAPI_VERSION 8
#include <node_api.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define AT_ONCE_MAX 256
/* Of one socket, as Node takes of it. */
#define BYTES_MAX 65536

static napi_value refuse(napi_env env, const char *why) {
  napi_throw_type_error(env, NULL, why);
  return NULL;
}

/* The arguments; false: there are fewer. */
static bool arguments_of(napi_env env, napi_callback_info info, size_t count, napi_value *arguments) {
  size_t given = count;
  return napi_get_cb_info(env, info, &given, arguments, NULL, NULL) == napi_ok && given >= count;
}

/* The memory of a typed array; NULL: it is none of that type. */
static void *memory_of(napi_env env, napi_value value, napi_typedarray_type wanted, size_t *length) {
  napi_typedarray_type type;
  void *data;
  if (napi_get_typedarray_info(env, value, &type, length, &data, NULL, NULL) != napi_ok) return NULL;
  return type == wanted ? data : NULL;
}

static napi_value open_set(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value set;
  return napi_create_int32(env, epoll_create1(EPOLL_CLOEXEC), &set) == napi_ok ? set : NULL;
}

static napi_value change(napi_env env, napi_callback_info info, int operation) {
  napi_value arguments[2], well;
  int32_t set, descriptor;
  if (!arguments_of(env, info, 2, arguments) || napi_get_value_int32(env, arguments[0], &set) != napi_ok ||
      napi_get_value_int32(env, arguments[1], &descriptor) != napi_ok) {
    return refuse(env, "a set and a descriptor are numbers");
  }
  struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
  return napi_get_boolean(env, epoll_ctl(set, operation, descriptor, &event) == 0, &well) == napi_ok ? well : NULL;
}

static napi_value watch(napi_env env, napi_callback_info info) { return change(env, info, EPOLL_CTL_ADD); }

static napi_value forget(napi_env env, napi_callback_info info) { return change(env, info, EPOLL_CTL_DEL); }

static napi_value receive(napi_env env, napi_callback_info info) {
  napi_value arguments[4], result;
  int32_t set;
  size_t room, at_once, counted;
  if (!arguments_of(env, info, 4, arguments)) return refuse(env, "receive takes 4 arguments");
  if (napi_get_value_int32(env, arguments[0], &set) != napi_ok) return refuse(env, "a set is a number");
  char *memory = memory_of(env, arguments[1], napi_uint8_array, &room);
  int32_t *descriptors = memory_of(env, arguments[2], napi_int32_array, &at_once);
  int32_t *lengths = memory_of(env, arguments[3], napi_int32_array, &counted);
  if (memory == NULL || descriptors == NULL || lengths == NULL || at_once == 0 || counted < at_once) {
    return refuse(env, "memory must be a Uint8Array, descriptors and lengths Int32Arrays of one length");
  }
  struct epoll_event events[AT_ONCE_MAX];
  int ready = epoll_wait(set, events, at_once < AT_ONCE_MAX ? (int)at_once : AT_ONCE_MAX, 0);
  int32_t count = 0;
  for (int index = 0; index < ready && room > 0; index++) {
    bool is_whole = (events[index].events & (EPOLLERR | EPOLLHUP)) == 0;
    int descriptor = events[index].data.fd;
    size_t part = room / (size_t)(ready - index), most = part < 1 ? 1 : part < BYTES_MAX ? part : BYTES_MAX;
    ssize_t length = is_whole ? recv(descriptor, memory, most, MSG_DONTWAIT) : 0;
    descriptors[count] = descriptor;
    lengths[count++] = length < 0 ? 0 : (int32_t)length;
    if (length > 0) {
      memory += length;
      room -= (size_t)length;
    }
  }
  return napi_create_int32(env, count, &result) == napi_ok ? result : NULL;
}

static bool exported(napi_env env, napi_value exports, const char *name, napi_callback callback) {
  napi_value function;
  return napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function) == napi_ok &&
         napi_set_named_property(env, exports, name, function) == napi_ok;
}

NAPI_MODULE_INIT() {
  bool well = exported(env, exports, "open", open_set) && exported(env, exports, "watch", watch) &&
              exported(env, exports, "forget", forget) && exported(env, exports, "receive", receive);
  return well ? exports : NULL;
}
