/*
 * send(descriptors, chunks, sent, count): one send(2) for each of so many sockets, in one call.
 *
 * descriptors  Int32Array     the sockets
 * chunks       Uint8Array[]   what each is to be given
 * sent         Int32Array     is filled with how many bytes the kernel took of each: 0 where it took none, for whatever
 *                             reason. Who called gives the rest to the socket itself, which waits for room, or fails.
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
  size_t given = 4;
  napi_value arguments[4];
  uint32_t count;
  if (napi_get_cb_info(env, info, &given, arguments, NULL, NULL) != napi_ok || given < 4) return refuse(env, "send takes 4 arguments");
  if (napi_get_value_uint32(env, arguments[3], &count) != napi_ok) return refuse(env, "count must be a number");
  int32_t *descriptors = numbers(env, arguments[0], count);
  int32_t *sent = numbers(env, arguments[2], count);
  if (descriptors == NULL || sent == NULL) return refuse(env, "descriptors and sent must be Int32Arrays of count");
  for (uint32_t i = 0; i < count; i++) {
    napi_handle_scope scope;
    napi_value chunk;
    napi_typedarray_type type;
    size_t length = 0;
    void *data = NULL;
    if (napi_open_handle_scope(env, &scope) != napi_ok) return refuse(env, "no scope");
    int known = napi_get_element(env, arguments[1], i, &chunk) == napi_ok &&
                napi_get_typedarray_info(env, chunk, &type, &length, &data, NULL, NULL) == napi_ok && type == napi_uint8_array;
    napi_close_handle_scope(env, scope);
    if (!known) return refuse(env, "chunks must be Uint8Arrays");
    ssize_t taken = send(descriptors[i], data, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    sent[i] = taken < 0 ? 0 : (int32_t)taken;
  }
  return NULL;
}

NAPI_MODULE_INIT() {
  napi_value function;
  if (napi_create_function(env, "send", NAPI_AUTO_LENGTH, send_all, NULL, &function) != napi_ok) return NULL;
  return function;
}
