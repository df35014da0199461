"""One call after the other through every fault: the order `probe` of contenders in Python; see src/contender.rs."""

import json
import os
import sys
import threading
import time


def end_with_standard_input():
    sys.stdin.read()
    os._exit(0)


def unawaited(client, every):
    while True:
        try:
            client.get_async("/bench/get")
        except Exception:
            pass  # That it may fail is the point.
        time.sleep(every)


def run(client, read, gap, every):
    """`read` is given a function that makes one attempt of a call and tells of it, and may call it again."""
    threading.Thread(target=end_with_standard_input, daemon=True).start()
    if every:
        threading.Thread(target=unawaited, args=(client, every), daemon=True).start()

    def attempt(call):
        begun = time.monotonic_ns()
        told = {"begun": begun}
        try:
            result = call()
            told["session"] = client.client_id[0]
            return result
        except Exception as error:
            told["error"] = repr(error)
            raise
        finally:
            told["ended"] = time.monotonic_ns()
            print(json.dumps(told), flush=True)

    while True:
        try:
            read(attempt)
        except Exception:
            pass  # Told already.
        time.sleep(gap)
