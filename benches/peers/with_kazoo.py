"""kazoo as a contender; see src/contender.rs for what it is told and answers."""

import json
import logging
import sys
import threading
import time

from kazoo.client import KazooClient

import probe

SESSION_TIMEOUT = 30.0


class Run:
    """One order: lanes that call again when they were answered, until the time is over."""

    def __init__(self, client, payload, lanes, seconds):
        self.client = client
        self.payload = payload
        self.lanes = lanes
        self.end = time.perf_counter() + seconds
        self.times = []
        self.error = None
        self.left = lanes
        self.lock = threading.Lock()
        self.done = threading.Event()

    def lane_ended(self):
        with self.lock:
            self.left -= 1
            if self.left == 0:
                self.done.set()

    def failed(self, error):
        self.error = self.error or error
        self.done.set()

    def lane(self, steps):
        """Takes all steps, one after the other, again and again."""
        begun = time.perf_counter()

        def call(step):
            steps[step]().rawlink(lambda result: answered(result, step))

        def answered(result, step):
            nonlocal begun
            if result.exception is not None:
                return self.failed(result.exception)
            if step + 1 < len(steps):
                return call(step + 1)
            now = time.perf_counter()
            self.times.append(now - begun)
            begun = now
            if now < self.end:
                call(0)
            else:
                self.lane_ended()

        call(0)

    def fan_out(self):
        """Leaves a watch on each node, then sets all nodes and waits for the watches to fire."""
        fired = threading.Event()
        left = [self.lanes]

        def watcher(lane):
            def fire(_event):
                self.times.append(time.perf_counter() - begun[lane])
                left[0] -= 1
                if left[0] == 0:
                    fired.set()

            return fire

        begun = [0.0] * self.lanes
        armed = [self.client.get_async(f"/bench/watch/{lane}", watch=watcher(lane)) for lane in range(self.lanes)]
        for result in armed:
            result.get()
        sets = []
        for lane in range(self.lanes):
            begun[lane] = time.perf_counter()
            sets.append(self.client.set_async(f"/bench/watch/{lane}", self.payload))
        for result in sets:
            result.get()
        if not fired.wait(20):
            raise TimeoutError("events are missing")


def carry_out(client, payload, workload, lanes, seconds):
    start, cpu = time.perf_counter(), time.process_time()
    run = Run(client, payload, lanes, seconds)
    if workload == "watch-fan-out":
        while time.perf_counter() < run.end:
            run.fan_out()
    else:
        for lane in range(lanes):
            get = lambda: client.get_async("/bench/get")
            put = lambda lane=lane: client.set_async(f"/bench/set/{lane}", payload)
            create = lambda lane=lane: client.create_async(f"/bench/ephemeral/{lane}", payload, ephemeral=True)
            delete = lambda lane=lane: client.delete_async(f"/bench/ephemeral/{lane}")
            run.lane({"pipelined-set": [put], "ephemeral": [create, delete]}.get(workload, [get]))
        run.done.wait()
    if run.error is not None:
        raise run.error
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    times = sorted(run.times)
    share = lambda part: times[round(part * (len(times) - 1))] * 1e6
    return {
        "ops": len(times),
        "seconds": seconds,
        "cpu_seconds": cpu,
        "p50_us": share(0.5),
        "p99_us": share(0.99),
    }


def main():
    logging.basicConfig(level=logging.CRITICAL)
    client = KazooClient(hosts=sys.argv[1], timeout=SESSION_TIMEOUT)
    client.start(timeout=20)
    payload = b"x" * int(sys.argv[2])
    print("ready", flush=True)
    for order in sys.stdin:
        workload, lanes, milliseconds = order.split()
        if workload == "probe":
            read = lambda attempt: attempt(lambda: client.get("/bench/get"))
            probe.run(client, read, int(lanes) / 1000, int(milliseconds) / 1000)
        print(json.dumps(carry_out(client, payload, workload, int(lanes), int(milliseconds) / 1000)), flush=True)
    client.stop()


if __name__ == "__main__":
    main()
