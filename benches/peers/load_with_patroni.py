"""Patroni's own get_cluster on kazoo as a contender; see src/loading.rs for what it is told and answers.

Patroni 4.1 remembers nothing from one load to the next: every get_cluster, also those of its HA loop, lists the scope and reads
key by key. So both kinds of load are the same here.
"""

import json
import logging
import sys
import time

from patroni.dcs import get_dcs


def connect(hosts, scope, group):
    config = {"name": "bench", "scope": scope, "namespace": "service", "ttl": 30, "loop_wait": 10, "retry_timeout": 10,
              "zookeeper": {"hosts": hosts}}
    if group != "-":
        config["citus"] = {"group": int(group), "database": "bench"}
    dcs = get_dcs(config)
    if (group == "0") != dcs.is_mpp_coordinator():
        raise ValueError("Patroni does not load the groups that it is asked for")
    return dcs


def see(cluster):
    groups = {0: cluster, **cluster.workers}
    return {str(number): see_group(group) for number, group in groups.items()}


def see_group(cluster):
    return {
        "initialize": cluster.initialize,
        "ttl": cluster.config.data["ttl"],
        "leader": cluster.leader.name,
        "last_lsn": cluster.status.last_lsn,
        "running": sum(member.is_running for member in cluster.members),
        "sync_standby": cluster.sync.sync_standby,
        "history": len(cluster.history.lines),
        "failsafe": len(cluster.failsafe),
    }


def carry_out(dcs, loads, seconds):
    times, cpu, seen = [], 0.0, None
    end = time.perf_counter() + seconds
    while len(times) < loads or time.perf_counter() < end:
        start, cpu_start = time.perf_counter(), time.process_time()
        cluster = dcs.get_cluster()
        times.append((time.perf_counter() - start) * 1000)
        cpu += time.process_time() - cpu_start
        found = see(cluster)
        if seen is not None and found != seen:
            raise ValueError(f"a load gave {found}, another {seen}")
        seen = found
    return {"times_ms": times, "cpu_seconds": cpu, "seen": seen}


def main():
    logging.basicConfig(level=logging.CRITICAL)
    dcs = connect(*sys.argv[1:4])
    print("ready", flush=True)
    for order in sys.stdin:
        _kind, loads, milliseconds = order.split()
        print(json.dumps(carry_out(dcs, int(loads), int(milliseconds) / 1000)), flush=True)


if __name__ == "__main__":
    main()
