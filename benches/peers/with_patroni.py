"""Patroni's own ZooKeeper classes on kazoo as a contender that probes; see src/contender.rs.

They are made as Patroni makes them, with its default times, and read as its get_cluster reads: with the client's retry around.
"""

import logging
import sys

from patroni.dcs import get_dcs

import probe


def main():
    logging.basicConfig(level=logging.CRITICAL)
    config = {
        "scope": "bench",
        "name": "bench",
        "namespace": "/service",
        "ttl": 30,
        "loop_wait": 10,
        "retry_timeout": 10,
        "zookeeper": {"hosts": sys.argv[1].split(",")},
    }
    dcs = get_dcs(config)
    dcs.reload_config(config)
    client = dcs._client
    print("ready", flush=True)
    order, gap, every = sys.stdin.readline().split()
    if order != "probe":
        sys.exit(f"no order for Patroni: {order}")
    read = lambda attempt: client.retry(attempt, lambda: dcs.get_node("/bench/get"))
    probe.run(client, read, int(gap) / 1000, int(every) / 1000)


if __name__ == "__main__":
    main()
