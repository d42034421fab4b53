/* A call that its own thread waits for, for a moment: an answer that comes soon then costs one wakeup instead of a thread of Go's
 * scheduler being woken, searching for work and sleeping again. Linux only, as the futex is. */
#ifndef DAYTONA_GO_WAITED_H
#define DAYTONA_GO_WAITED_H

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "native.h"

/* More than this is not copied twice: it goes to Go as the outcome of any other call does. */
#define DAYTONA_GO_SMALL 65536

enum { DAYTONA_GO_WAITED, DAYTONA_GO_LEFT, DAYTONA_GO_DONE };

/* Whoever moves `state` away from WAITED decides: the waiting thread leaves, and the outcome goes to `user`; or it is here. The
 * one that comes second frees it. */
typedef struct {
	_Atomic int state;
	uintptr_t user;
	int status;
	daytona_stream *stream;
	size_t len;
	uint8_t *json;
} daytona_go_waited;

static void daytona_go_arrived(void *user, daytona_status status, daytona_slice json, const daytona_slice *blobs,
                               size_t blob_count, daytona_stream *stream) {
	daytona_go_waited *waited = user;
	int expected = DAYTONA_GO_WAITED;
	int small = blob_count == 0 && json.len <= DAYTONA_GO_SMALL;
	if (small && atomic_load(&waited->state) == DAYTONA_GO_WAITED) {
		waited->json = malloc(json.len + 1);
		small = waited->json != NULL;
	} else {
		small = 0;
	}
	if (small) {
		memcpy(waited->json, json.ptr, json.len);
		waited->len = json.len;
		waited->status = (int)status;
		waited->stream = stream;
	}
	uintptr_t to = waited->user;
	if (atomic_compare_exchange_strong(&waited->state, &expected, small ? DAYTONA_GO_DONE : DAYTONA_GO_LEFT)) {
		/* It may have been freed by now, which wakes nobody. */
		syscall(SYS_futex, &waited->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		if (small) return;
	} else {
		if (small) free(waited->json);
		free(waited);
	}
	daytona_go_callback((void *)to, status, json, blobs, blob_count, stream);
}

/* Starts a call and waits for it for up to `patience` nanoseconds. Done, `*outcome` has the outcome, to be freed with its JSON,
 * and there is no call any more; else the call is returned and its outcome goes to `user`. */
static inline daytona_call *daytona_go_start_and_wait(const daytona_client *client, const char *op, const uint8_t *json,
                                                      size_t json_len, uintptr_t user, long patience,
                                                      daytona_go_waited **outcome) {
	daytona_go_waited *waited = calloc(1, sizeof *waited);
	if (waited == NULL) abort();
	waited->user = user;
	daytona_slice request = {json, json_len};
	daytona_call *call = daytona_start(client, op, request, NULL, 0, daytona_go_arrived, waited);
	struct timespec until, now;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += patience;
	while (atomic_load(&waited->state) == DAYTONA_GO_WAITED) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		long left = (until.tv_sec - now.tv_sec) * 1000000000L + until.tv_nsec - now.tv_nsec;
		if (left <= 0) break;
		struct timespec time = {left / 1000000000L, left % 1000000000L};
		syscall(SYS_futex, &waited->state, FUTEX_WAIT_PRIVATE, DAYTONA_GO_WAITED, &time, NULL, 0);
	}
	int expected = DAYTONA_GO_WAITED;
	if (atomic_compare_exchange_strong(&waited->state, &expected, DAYTONA_GO_LEFT)) return call;
	if (expected == DAYTONA_GO_LEFT) {
		free(waited);
		return call;
	}
	daytona_call_free(call);
	*outcome = waited;
	return NULL;
}

static inline void daytona_go_waited_free(daytona_go_waited *waited) {
	free(waited->json);
	free(waited);
}

#endif
