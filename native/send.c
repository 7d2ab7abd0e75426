/*
 * send(descriptors, bytes, starts, ends, sent, count): one send(2) for each of so many sockets, in one call.
 *
 * descriptors   Int32Array   the sockets
 * bytes         Uint8Array   what all of them are to be given
 * starts, ends  Int32Array   which of the bytes each is given; two may be given the same
 * sent          Int32Array   is filled with how many bytes the kernel took of each: 0 where it took none, for whatever
 *                            reason. Who called gives the rest to the socket itself, which waits for room, or fails.
 *
 * A socket that Node writes to costs a request object, its way through four layers of stream, and a callback; all that
 * is a sixth of a write (docs/performance.md), and this is the rest of it. Never waits: the sockets are libuv's, and so
 * do not block.
 */
#define NAPI_VERSION 8
#include <node_api.h>
#include <sys/socket.h>

/* Where there is no such flag, libuv has set SO_NOSIGPIPE on the socket. */
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

static napi_value refuse(napi_env env, const char *why) {
  napi_throw_type_error(env, NULL, why);
  return NULL;
}

/* The memory of an Int32Array with room for so many; NULL: it is none. */
static int32_t *numbers(napi_env env, napi_value value, uint32_t count) {
  napi_typedarray_type type;
  size_t length;
  void *data;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, NULL, NULL) != napi_ok) return NULL;
  return type == napi_int32_array && length >= count ? data : NULL;
}

static napi_value send_all(napi_env env, napi_callback_info info) {
  size_t given = 6, length;
  napi_value arguments[6];
  napi_typedarray_type type;
  uint32_t count;
  void *bytes;
  if (napi_get_cb_info(env, info, &given, arguments, NULL, NULL) != napi_ok || given < 6) return refuse(env, "send takes 6 arguments");
  if (napi_get_value_uint32(env, arguments[5], &count) != napi_ok) return refuse(env, "count must be a number");
  int32_t *descriptors = numbers(env, arguments[0], count);
  int32_t *starts = numbers(env, arguments[2], count);
  int32_t *ends = numbers(env, arguments[3], count);
  int32_t *sent = numbers(env, arguments[4], count);
  if (descriptors == NULL || starts == NULL || ends == NULL || sent == NULL) return refuse(env, "descriptors, starts, ends and sent must be Int32Arrays of count");
  if (napi_get_typedarray_info(env, arguments[1], &type, &length, &bytes, NULL, NULL) != napi_ok || type != napi_uint8_array) {
    return refuse(env, "bytes must be a Uint8Array");
  }
  /* All of them before the first is sent: where one is refused, nobody was told anything. */
  for (uint32_t i = 0; i < count; i++) {
    if (starts[i] < 0 || ends[i] < starts[i] || (size_t)ends[i] > length) return refuse(env, "starts and ends must lie within bytes");
  }
  for (uint32_t i = 0; i < count; i++) {
    ssize_t taken = send(descriptors[i], (char *)bytes + starts[i], (size_t)(ends[i] - starts[i]), MSG_DONTWAIT | MSG_NOSIGNAL);
    sent[i] = taken < 0 ? 0 : (int32_t)taken;
  }
  return NULL;
}

NAPI_MODULE_INIT() {
  napi_value function;
  if (napi_create_function(env, "send", NAPI_AUTO_LENGTH, send_all, NULL, &function) != napi_ok) return NULL;
  return function;
}
