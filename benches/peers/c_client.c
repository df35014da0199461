/* The C client as a contender; see src/contender.rs for what it is told and answers. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zookeeper/zookeeper.h>

/* In c_probe.c; does not return. */
void probe(zhandle_t *client, int gap, int every);

#define SESSION_TIMEOUT 30000
#define MOST_LANES 4096

enum workload { GET, SET, EPHEMERAL, WATCH };

static zhandle_t *client;
static char *payload;
static int payload_length;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int connected;
/* What the thread of the order waits for; it goes down to 0. */
static int left;

/* Written by the thread of completions alone while lanes are under way. */
static float *times;
static size_t taken, room;
static double end;
static enum workload workload;

struct lane {
    int number;
    double begun;
    char path[64];
};
static struct lane lanes[MOST_LANES];

static double clock_of(clockid_t id) {
    struct timespec time;
    clock_gettime(id, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static double now(void) { return clock_of(CLOCK_MONOTONIC); }

static void give_up(const char *what, int rc) {
    printf("%s: %s\n", what, zerror(rc));
    fflush(stdout);
    exit(1);
}

static void note(double seconds) {
    if (taken == room) {
        room = room ? 2 * room : 65536;
        times = realloc(times, room * sizeof *times);
        if (!times) exit(1);
    }
    times[taken++] = (float)(seconds * 1e6);
}

static void one_done(void) {
    pthread_mutex_lock(&mutex);
    if (--left == 0) pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
}

static void wait_for_all(void) {
    pthread_mutex_lock(&mutex);
    while (left > 0) pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
}

static void call(struct lane *lane);

/* A lane was answered: again, or the end. */
static void answered(struct lane *lane) {
    double at = now();
    note(at - lane->begun);
    lane->begun = at;
    if (at < end) call(lane);
    else one_done();
}

static void on_data(int rc, const char *value, int length, const struct Stat *stat, const void *data) {
    (void)value, (void)stat;
    if (rc != ZOK) give_up("getData", rc);
    if (length != payload_length) give_up("length", ZMARSHALLINGERROR);
    answered((struct lane *)data);
}

static void on_stat(int rc, const struct Stat *stat, const void *data) {
    (void)stat;
    if (rc != ZOK) give_up("setData", rc);
    answered((struct lane *)data);
}

static void on_deleted(int rc, const void *data) {
    if (rc != ZOK) give_up("delete", rc);
    answered((struct lane *)data);
}

static void on_created(int rc, const char *path, const void *data) {
    struct lane *lane = (struct lane *)data;
    (void)path;
    if (rc != ZOK) give_up("create", rc);
    rc = zoo_adelete(client, lane->path, -1, on_deleted, lane);
    if (rc != ZOK) give_up("delete", rc);
}

static void call(struct lane *lane) {
    int rc = ZOK;
    switch (workload) {
    case GET:
        rc = zoo_aget(client, "/bench/get", 0, on_data, lane);
        break;
    case SET:
        rc = zoo_aset(client, lane->path, payload, payload_length, -1, on_stat, lane);
        break;
    case EPHEMERAL:
        rc = zoo_acreate(client, lane->path, payload, payload_length, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL,
                         on_created, lane);
        break;
    case WATCH:
        break;
    }
    if (rc != ZOK) give_up("call", rc);
}

static void on_armed(int rc, const char *value, int length, const struct Stat *stat, const void *data) {
    (void)value, (void)length, (void)stat, (void)data;
    if (rc != ZOK) give_up("getData with a watch", rc);
    one_done();
}

static void on_set(int rc, const struct Stat *stat, const void *data) {
    (void)stat, (void)data;
    if (rc != ZOK) give_up("setData of a watched node", rc);
    one_done();
}

static void on_event(zhandle_t *handle, int type, int state, const char *path, void *context) {
    struct lane *lane = context;
    (void)handle, (void)state, (void)path;
    if (type != ZOO_CHANGED_EVENT) give_up("an event of another kind", ZSYSTEMERROR);
    note(now() - lane->begun);
    one_done();
}

static void fan_out(int count) {
    left = count;
    for (int i = 0; i < count; i++) {
        int rc = zoo_awget(client, lanes[i].path, on_event, &lanes[i], on_armed, NULL);
        if (rc != ZOK) give_up("getData with a watch", rc);
    }
    wait_for_all();
    left = 2 * count; /* Answers and events. */
    for (int i = 0; i < count; i++) {
        lanes[i].begun = now();
        int rc = zoo_aset(client, lanes[i].path, payload, payload_length, -1, on_set, NULL);
        if (rc != ZOK) give_up("setData of a watched node", rc);
    }
    wait_for_all();
}

static int compare(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void carry_out(const char *name, int count, int milliseconds) {
    const char *directory = "get";
    workload = GET;
    if (!strcmp(name, "pipelined-set")) workload = SET, directory = "set";
    if (!strcmp(name, "ephemeral")) workload = EPHEMERAL, directory = "ephemeral";
    if (!strcmp(name, "watch-fan-out")) workload = WATCH, directory = "watch";
    taken = 0;
    for (int i = 0; i < count; i++) {
        lanes[i].number = i;
        snprintf(lanes[i].path, sizeof lanes[i].path, "/bench/%s/%d", directory, i);
    }
    double start = now(), cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    end = start + milliseconds / 1e3;
    if (workload == WATCH) {
        while (now() < end) fan_out(count);
    } else {
        left = count;
        for (int i = 0; i < count; i++) {
            lanes[i].begun = now();
            call(&lanes[i]);
        }
        wait_for_all();
    }
    double seconds = now() - start;
    cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    qsort(times, taken, sizeof *times, compare);
    printf("{\"ops\":%zu,\"seconds\":%f,\"cpu_seconds\":%f,\"p50_us\":%f,\"p99_us\":%f}\n", taken, seconds, cpu,
           times[(taken - 1) / 2], times[(size_t)((taken - 1) * 0.99)]);
    fflush(stdout);
}

static void on_session(zhandle_t *handle, int type, int state, const char *path, void *context) {
    (void)handle, (void)path, (void)context;
    if (type == ZOO_SESSION_EVENT && state == ZOO_CONNECTED_STATE) {
        pthread_mutex_lock(&mutex);
        connected = 1;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&mutex);
    }
}

int main(int argc, char **argv) {
    char name[32];
    int count, milliseconds;
    if (argc != 3) return 2;
    payload_length = atoi(argv[2]);
    payload = malloc(payload_length + 1);
    if (!payload) return 1;
    memset(payload, 'x', payload_length);
    zoo_set_debug_level(0);
    client = zookeeper_init(argv[1], on_session, SESSION_TIMEOUT, NULL, NULL, 0);
    if (!client) return 1;
    pthread_mutex_lock(&mutex);
    while (!connected) pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
    puts("ready");
    fflush(stdout);
    while (scanf("%31s %d %d", name, &count, &milliseconds) == 3) {
        if (!strcmp(name, "probe")) probe(client, count, milliseconds);
        if (count > MOST_LANES) return 2;
        carry_out(name, count, milliseconds);
    }
    zookeeper_close(client);
    return 0;
}
