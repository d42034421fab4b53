/* The promises at the top of daytona.h, kept against a real engine (DAYTONA_API_URL=local). */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daytona.h"

#define CHECK(condition)                                                                                               \
	do {                                                                                                               \
		if (!(condition)) {                                                                                            \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                    \
			exit(1);                                                                                                   \
		}                                                                                                              \
	} while (0)

/* What a callback copied, and how many times it was called. */
typedef struct {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	int calls;
	daytona_status status;
	char *json;
	char *blob;
	size_t blob_len;
	size_t blob_count;
	daytona_stream *stream;
} outcome;

static char *copy(daytona_slice slice) {
	char *text = malloc(slice.len + 1);
	if (slice.len != 0) memcpy(text, slice.ptr, slice.len);
	text[slice.len] = 0;
	return text;
}

static void complete(void *user, daytona_status status, daytona_slice json, const daytona_slice *blobs, size_t blob_count,
                     daytona_stream *stream) {
	outcome *o = user;
	pthread_mutex_lock(&o->mutex);
	o->calls++;
	o->status = status;
	o->json = copy(json);
	o->blob_count = blob_count;
	if (blob_count != 0) {
		o->blob = copy(blobs[0]);
		o->blob_len = blobs[0].len;
	}
	o->stream = stream;
	pthread_cond_signal(&o->changed);
	pthread_mutex_unlock(&o->mutex);
}

static outcome *new_outcome(void) {
	outcome *o = calloc(1, sizeof *o);
	pthread_mutex_init(&o->mutex, NULL);
	pthread_cond_init(&o->changed, NULL);
	return o;
}

static void free_outcome(outcome *o) {
	free(o->json);
	free(o->blob);
	pthread_mutex_destroy(&o->mutex);
	pthread_cond_destroy(&o->changed);
	free(o);
}

/* Waits for a call and frees it. */
static void finish(daytona_call *call, outcome *o) {
	pthread_mutex_lock(&o->mutex);
	while (o->calls == 0) pthread_cond_wait(&o->changed, &o->mutex);
	pthread_mutex_unlock(&o->mutex);
	daytona_call_free(call);
	CHECK(o->calls == 1);
}

static daytona_slice slice(const char *text) {
	daytona_slice s = {(const uint8_t *)text, strlen(text)};
	return s;
}

static daytona_call *start(daytona_client *client, const char *op, const char *json, outcome *o) {
	return daytona_start(client, op, slice(json), NULL, 0, complete, o);
}

/* Runs an operation that must succeed. */
static outcome *run(daytona_client *client, const char *op, const char *json) {
	outcome *o = new_outcome();
	finish(start(client, op, json, o), o);
	if (o->status != DAYTONA_STATUS_OK && o->status != DAYTONA_STATUS_STREAM) fprintf(stderr, "%s: %s\n", op, o->json);
	CHECK(o->status == DAYTONA_STATUS_OK || o->status == DAYTONA_STATUS_STREAM);
	return o;
}

/* The text after "name":" in a JSON object. */
static void field(const char *json, const char *name, char *value, size_t room) {
	char key[64];
	snprintf(key, sizeof key, "\"%s\":\"", name);
	const char *found = strstr(json, key);
	CHECK(found != NULL);
	found += strlen(key);
	size_t len = strcspn(found, "\"");
	CHECK(len < room);
	memcpy(value, found, len);
	value[len] = 0;
}

static char target[512];

static const char *request(const char *args) {
	static char text[2048];
	snprintf(text, sizeof text, "{%s\"args\":%s}", target, args);
	return text;
}

static void errors_are_data(daytona_client *client) {
	outcome *o = new_outcome();
	CHECK(daytona_client_new(slice("{\"apiUrl\":\"nowhere\"}"), complete, o) == NULL);
	CHECK(o->calls == 1 && o->status == DAYTONA_STATUS_ERROR && strstr(o->json, "\"kind\":\"InvalidArgument\""));
	free_outcome(o);
	CHECK(daytona_client_new(slice("no json"), NULL, NULL) == NULL);

	const char *wrong[][3] = {
		{"sandbox.get", "{\"args\":{\"idOrName\":\"no-such-sandbox\"}}", "\"kind\":\"NotFound\""},
		{"sandbox.get", "{\"args\":{}}", "\"kind\":\"InvalidArgument\""},
		{"sandbox.get", "", "\"kind\":\"InvalidArgument\""},
		{"no.such", "{\"args\":{}}", "\"kind\":\"InvalidArgument\""},
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		o = new_outcome();
		finish(start(client, wrong[i][0], wrong[i][1], o), o);
		CHECK(o->status == DAYTONA_STATUS_ERROR && strstr(o->json, wrong[i][2]));
		free_outcome(o);
	}
}

static void null_handles_are_closed_ones(void) {
	outcome *o = new_outcome();
	finish(start(NULL, "sandbox.get", "{}", o), o);
	CHECK(o->status == DAYTONA_STATUS_ERROR && strstr(o->json, "\"kind\":\"Closed\""));
	free_outcome(o);
	o = new_outcome();
	finish(daytona_stream_read(NULL, 1, NULL, complete, o), o);
	CHECK(o->status == DAYTONA_STATUS_ERROR && strstr(o->json, "\"kind\":\"Closed\""));
	free_outcome(o);
	daytona_call_cancel(NULL);
	daytona_call_free(NULL);
	daytona_client_close(NULL);
	daytona_client_free(NULL);
	daytona_stream_close(NULL);
	daytona_stream_free(NULL);
}

static void a_cancelled_call_completes_once(daytona_client *client) {
	outcome *o = new_outcome();
	daytona_call *call = start(client, "process.exec", request("{\"command\":\"sleep 60\"}"), o);
	daytona_call_cancel(call);
	daytona_call_cancel(call);
	finish(call, o);
	CHECK(o->status == DAYTONA_STATUS_CANCELLED);
	free_outcome(o);
	/* Freeing cancels, too. */
	o = new_outcome();
	daytona_call_free(start(client, "process.exec", request("{\"command\":\"sleep 60\"}"), o));
	finish(NULL, o);
	CHECK(o->status == DAYTONA_STATUS_CANCELLED);
	free_outcome(o);
	/* And nobody needs to listen. */
	daytona_call_free(daytona_start(client, "sandbox.get", slice("{}"), NULL, 0, NULL, NULL));
}

static void bytes_travel_beside_the_json(daytona_client *client) {
	const char content[] = "a\0b\xff\n";
	daytona_slice blob = {(const uint8_t *)content, sizeof content};
	outcome *o = new_outcome();
	daytona_call *call = daytona_start(
		client, "fs.upload_file", slice(request("{\"file\":{\"destination\":\"bytes\",\"content\":0}}")), &blob, 1, complete, o);
	finish(call, o);
	CHECK(o->status == DAYTONA_STATUS_OK);
	free_outcome(o);
	o = run(client, "fs.download_file", request("{\"remotePath\":\"bytes\"}"));
	CHECK(o->blob_count == 1 && o->blob_len == sizeof content && memcmp(o->blob, content, sizeof content) == 0);
	free_outcome(o);
}

static void streams_are_read_written_and_closed(daytona_client *client) {
	outcome *o = run(client, "process.create_pty", request("{\"sessionId\":\"c\"}"));
	daytona_stream *terminal = o->stream;
	CHECK(o->status == DAYTONA_STATUS_STREAM && terminal != NULL && strstr(o->json, "\"sessionId\":\"c\""));
	free_outcome(o);
	o = new_outcome();
	finish(daytona_stream_write(terminal, slice("echo from $((40 + 2)); exit 7\n"), complete, o), o);
	CHECK(o->status == DAYTONA_STATUS_OK);
	free_outcome(o);
	bool seen = false;
	for (;;) {
		o = new_outcome();
		finish(daytona_stream_read(terminal, 65536, NULL, complete, o), o);
		CHECK(o->status == DAYTONA_STATUS_OK);
		if (o->blob_count == 0) break;
		seen = seen || strstr(o->blob, "from 42") != NULL;
		free_outcome(o);
	}
	CHECK(seen && strstr(o->json, "\"exitCode\":7"));
	free_outcome(o);
	daytona_stream_free(terminal);

	/* Closing ends a read in flight. */
	o = run(client, "process.create_pty", request("{\"sessionId\":\"d\"}"));
	terminal = o->stream;
	free_outcome(o);
	outcome *finished = new_outcome();
	finish(daytona_stream_finish(terminal, complete, finished), finished);
	free_outcome(finished);
	o = new_outcome();
	daytona_call *call = daytona_stream_read(terminal, 1, NULL, complete, o);
	daytona_stream_close(terminal);
	finish(call, o);
	free_outcome(o);
	o = new_outcome();
	finish(daytona_stream_read(terminal, 1, NULL, complete, o), o);
	CHECK(o->status == DAYTONA_STATUS_ERROR && strstr(o->json, "\"kind\":\"Closed\""));
	free_outcome(o);
	daytona_stream_free(terminal);
}

/* The frames of a directory are progress, and its end has a result. */
static void a_directory_ends_with_its_result(daytona_client *client) {
	char directory[] = "/tmp/contract-XXXXXX", file[64], arguments[256];
	CHECK(mkdtemp(directory) != NULL);
	snprintf(file, sizeof file, "%s/file", directory);
	FILE *written = fopen(file, "w");
	CHECK(written != NULL && fputs("content\n", written) >= 0 && fclose(written) == 0);
	snprintf(arguments, sizeof arguments, "{\"localPath\":\"%s\",\"remotePath\":\"directory\"}", directory);
	outcome *o = run(client, "fs.upload_dir", request(arguments));
	daytona_stream *transfer = o->stream;
	CHECK(o->status == DAYTONA_STATUS_STREAM && transfer != NULL);
	free_outcome(o);
	for (;;) {
		o = new_outcome();
		finish(daytona_stream_read(transfer, 65536, NULL, complete, o), o);
		CHECK(o->status == DAYTONA_STATUS_OK);
		if (o->blob_count == 0) break;
		CHECK(o->blob_len > 5 && o->blob[0] == 4 && o->blob[5] == '{');
		free_outcome(o);
	}
	CHECK(strstr(o->json, "\"files\":1") && strstr(o->json, "\"bytes\":8") && strstr(o->json, "\"skipped\":[]"));
	free_outcome(o);
	daytona_stream_free(transfer);
	CHECK(unlink(file) == 0 && rmdir(directory) == 0);
}

static void a_forked_child_makes_its_own_connections(daytona_client *client) {
	outcome *flying = new_outcome();
	daytona_call *call = start(client, "process.exec", request("{\"command\":\"echo parent\"}"), flying);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		outcome *o = run(client, "process.exec", request("{\"command\":\"echo child\"}"));
		CHECK(strstr(o->json, "child") != NULL);
		daytona_call_cancel(call);
		daytona_call_free(call);
		/* Not _exit: a memory checker would count what a child leaks on purpose, namely all it inherited. */
		execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	int status;
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	finish(call, flying);
	CHECK(flying->status == DAYTONA_STATUS_OK && strstr(flying->json, "parent") != NULL);
	free_outcome(flying);
}

static void a_closed_client_refuses_calls(daytona_client *client) {
	daytona_client_close(client);
	outcome *o = new_outcome();
	finish(start(client, "sandbox.get", "{}", o), o);
	CHECK(o->status == DAYTONA_STATUS_ERROR && strstr(o->json, "\"kind\":\"Closed\""));
	free_outcome(o);
	daytona_client_free(client);
}

/* As this program was started with: whoever started it may have it ignore some. */
static void (*handlers[32])(int);

static void remember_signal_handlers(void) {
	for (int signal = 1; signal < 32; signal++) {
		struct sigaction action;
		CHECK(sigaction(signal, NULL, &action) == 0);
		handlers[signal] = action.sa_handler;
	}
}

static void no_signal_handlers_are_installed(void) {
	for (int signal = 1; signal < 32; signal++) {
		struct sigaction action;
		CHECK(sigaction(signal, NULL, &action) == 0 && action.sa_handler == handlers[signal]);
	}
}

static void nothing_is_left(void) {
	for (int i = 0; i < 24000; i++) {
		daytona_stats stats = daytona_debug_stats();
		if (stats.calls == 0 && stats.streams == 0 && stats.clients == 0) return;
		usleep(5000);
	}
	daytona_stats stats = daytona_debug_stats();
	fprintf(stderr, "left: %d calls, %d streams, %d clients\n", (int)stats.calls, (int)stats.streams, (int)stats.clients);
	exit(1);
}

int main(void) {
	remember_signal_handlers();
	CHECK(strlen(daytona_schema_hash()) == 16);
	daytona_client *client = daytona_client_new(slice("{\"source\":\"sdk-c\"}"), NULL, NULL);
	CHECK(client != NULL);
	errors_are_data(client);
	null_handles_are_closed_ones();

	outcome *created = run(client, "sandbox.create", "{\"args\":{\"params\":{}}}");
	char id[64], url[256], own[128];
	field(created->json, "id", id, sizeof id);
	field(created->json, "toolboxProxyUrl", url, sizeof url);
	free_outcome(created);
	snprintf(target, sizeof target, "\"target\":{\"id\":\"%s\",\"url\":\"%s\"},", id, url);
	snprintf(own, sizeof own, "{\"args\":{\"idOrName\":\"%s\"}}", id);

	a_cancelled_call_completes_once(client);
	bytes_travel_beside_the_json(client);
	streams_are_read_written_and_closed(client);
	a_directory_ends_with_its_result(client);
	a_forked_child_makes_its_own_connections(client);

	free_outcome(run(client, "sandbox.delete", own));
	a_closed_client_refuses_calls(client);
	nothing_is_left();
	no_signal_handlers_are_installed();
	puts("ok c contract");
	return 0;
}
