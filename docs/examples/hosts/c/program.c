/* A program in C that drives a loop by poll(2): a timer, a call of its own, and calls of another thread. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>

#include "oneloop.h"

enum { CALLS = 3 };
static int calls, timers, woken, for_nothing;

static void on_call(void *data) { calls += *(int *)data; }
static void on_timer(void *data) { timers += *(int *)data; }

static void *other_thread(void *remote) {
    static int one = 1;
    for (int i = 0; i < CALLS; i++) {
        poll(NULL, 0, 5); /* apart, so that each is a wake of its own */
        if (oneloop_remote_call(remote, on_call, &one) != 0) return remote;
    }
    return NULL;
}

int main(void) {
    static int one = 1, ten = 10;
    oneloop *loop = oneloop_new();
    if (loop == NULL) return 1;
    oneloop_remote *remote = oneloop_remote_new(loop);
    oneloop_call_soon(loop, on_call, &ten);
    oneloop_call_later(loop, 12000000, on_timer, &one);
    int64_t deadline = oneloop_next_deadline(loop);
    if (deadline <= 0 || deadline > 12000000) return 2;

    pthread_t thread;
    if (pthread_create(&thread, NULL, other_thread, remote) != 0) return 3;
    struct pollfd watched = { .fd = oneloop_descriptor(loop), .events = POLLIN };
    while (calls < 10 + CALLS || timers < 1) {
        if (poll(&watched, 1, 10000) != 1) return 4;
        int before = calls + timers;
        if (oneloop_turn(loop, -1) != 0) return 5;
        woken++;
        for_nothing += calls + timers == before;
    }
    void *failed;
    pthread_join(thread, &failed);
    int idle = poll(&watched, 1, 50) == 0 && oneloop_next_deadline(loop) == -1;
    int waited = oneloop_wait(loop, 1000000);

    oneloop_free(loop);
    int refused = oneloop_remote_call(remote, on_call, &one);
    oneloop_remote_free(remote);
    printf("calls %d, timers %d, woken at most %d times: %s, for nothing %d, idle: %s, refused: %s\n", calls, timers,
           CALLS + 2, woken <= CALLS + 2 ? "yes" : "no", for_nothing, idle ? "yes" : "no", refused == -1 ? "yes" : "no");
    return failed != NULL || waited != 0;
}
