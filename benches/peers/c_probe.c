/* One call after the other through every fault: the order `probe` of the C client; see src/contender.rs. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

#define PATH "/bench/get"

static zhandle_t *client;
static int every_milliseconds;

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void pause_for(int milliseconds) {
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    nanosleep(&time, NULL);
}

static void ignore(int rc, const char *value, int length, const struct Stat *stat, const void *data) {
    (void)rc, (void)value, (void)length, (void)stat, (void)data;
}

static void *call_unawaited(void *nothing) {
    for (;;) {
        zoo_aget(client, PATH, 0, ignore, NULL);
        pause_for(every_milliseconds);
    }
    return nothing;
}

static void *end_with_standard_input(void *nothing) {
    char waste[64];
    while (read(STDIN_FILENO, waste, sizeof waste) > 0) continue;
    _exit(0);
    return nothing;
}

static void background(void *(*task)(void *)) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, task, NULL)) exit(1);
}

void probe(zhandle_t *of, int gap, int every) {
    client = of;
    every_milliseconds = every;
    background(end_with_standard_input);
    if (every > 0) background(call_unawaited);
    for (;;) {
        char value[4096];
        int length = sizeof value;
        uint64_t begun = now();
        int rc = zoo_get(client, PATH, 0, value, &length, NULL);
        printf("{\"begun\":%" PRIu64 ",\"ended\":%" PRIu64 ",", begun, now());
        if (rc == ZOK) printf("\"session\":%" PRId64 "}\n", zoo_client_id(client)->client_id);
        else printf("\"error\":\"%s\"}\n", zerror(rc));
        fflush(stdout);
        pause_for(gap);
    }
}
