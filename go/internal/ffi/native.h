/* What Go cannot express itself: function pointers, and handles as `void *`. */
#ifndef DAYTONA_GO_NATIVE_H
#define DAYTONA_GO_NATIVE_H

#include <stdlib.h>

#include "daytona.h"

/* Exported by callback.go. */
extern void daytonaGoComplete(uintptr_t user, int status, uint8_t *json, size_t json_len, daytona_slice *blobs,
                              size_t blob_count, daytona_stream *stream);

static void daytona_go_callback(void *user, daytona_status status, daytona_slice json, const daytona_slice *blobs,
                                size_t blob_count, daytona_stream *stream) {
	daytonaGoComplete((uintptr_t)user, (int)status, (uint8_t *)json.ptr, json.len, (daytona_slice *)blobs, blob_count,
	                  stream);
}

static inline daytona_client *daytona_go_client_new(const uint8_t *config, size_t len, uintptr_t user) {
	daytona_slice slice = {config, len};
	return daytona_client_new(slice, daytona_go_callback, (void *)user);
}

/* `bytes` holds the attachments one after the other. */
static inline daytona_call *daytona_go_start(const daytona_client *client, const char *op, const uint8_t *json,
                                             size_t json_len, const uint8_t *bytes, const size_t *lengths,
                                             size_t count, uintptr_t user) {
	daytona_slice json_slice = {json, json_len};
	daytona_slice *blobs = count == 0 ? NULL : malloc(count * sizeof *blobs);
	for (size_t i = 0; i < count; i++) {
		blobs[i].ptr = bytes;
		blobs[i].len = lengths[i];
		bytes += lengths[i];
	}
	daytona_call *call = daytona_start(client, op, json_slice, blobs, count, daytona_go_callback, (void *)user);
	free(blobs);
	return call;
}

static inline daytona_call *daytona_go_stream_read(const daytona_stream *stream, size_t max, const char *form,
                                                   uintptr_t user) {
	return daytona_stream_read(stream, max, form, daytona_go_callback, (void *)user);
}

static inline daytona_call *daytona_go_stream_write(const daytona_stream *stream, const uint8_t *data, size_t len,
                                                    uintptr_t user) {
	daytona_slice slice = {data, len};
	return daytona_stream_write(stream, slice, daytona_go_callback, (void *)user);
}

static inline daytona_call *daytona_go_stream_finish(const daytona_stream *stream, uintptr_t user) {
	return daytona_stream_finish(stream, daytona_go_callback, (void *)user);
}

static inline void daytona_go_client_place(const daytona_client *client, uintptr_t user) {
	daytona_client_place(client, daytona_go_callback, (void *)user);
}

static inline void daytona_go_image_step(const uint8_t *request, size_t len, uintptr_t user) {
	daytona_slice slice = {request, len};
	daytona_image_step(slice, daytona_go_callback, (void *)user);
}

static inline bool daytona_go_take_log(uintptr_t user) {
	return daytona_take_log(daytona_go_callback, (void *)user);
}

#endif
