// The Java client as a contender; see src/contender.rs for what it is told and answers.

import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.Locale;
import java.util.Scanner;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;

final class JavaClient {
    private static final int SESSION_TIMEOUT = 30_000;

    private static ZooKeeper client;
    private static byte[] payload;

    // Callbacks run on one thread of the client: what follows is written there, and read when a latch has come down.
    private static long[] times = new long[65_536];
    private static int taken;
    private static long end;

    private JavaClient() {}

    public static void main(String[] args) throws Exception {
        CountDownLatch connected = new CountDownLatch(1);
        client = new ZooKeeper(args[0], SESSION_TIMEOUT, event -> {
            if (event.getState() == KeeperState.SyncConnected) {
                connected.countDown();
            }
        });
        connected.await();
        payload = new byte[Integer.parseInt(args[1])];
        Arrays.fill(payload, (byte) 'x');
        System.out.println("ready");
        Scanner orders = new Scanner(System.in);
        while (orders.hasNext()) {
            String workload = orders.next();
            int lanes = orders.nextInt();
            int milliseconds = orders.nextInt();
            if (workload.equals("probe")) {
                Probe.run(client, lanes, milliseconds);
            }
            carryOut(workload, lanes, milliseconds);
        }
        client.close();
    }

    private static long cpuTime() {
        var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return system.getProcessCpuTime();
    }

    private static void carryOut(String workload, int lanes, int milliseconds) throws Exception {
        taken = 0;
        long start = System.nanoTime();
        long cpu = cpuTime();
        end = start + milliseconds * 1_000_000L;
        if (workload.equals("watch-fan-out")) {
            while (System.nanoTime() < end) {
                fanOut(lanes);
            }
        } else {
            CountDownLatch done = new CountDownLatch(lanes);
            for (int lane = 0; lane < lanes; lane++) {
                new Lane(workload, lane, done).call();
            }
            done.await();
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        double cpuSeconds = (cpuTime() - cpu) / 1e9;
        Arrays.sort(times, 0, taken);
        System.out.printf(
                Locale.ROOT,
                "{\"ops\":%d,\"seconds\":%f,\"cpu_seconds\":%f,\"p50_us\":%f,\"p99_us\":%f}%n",
                taken, seconds, cpuSeconds, times[(taken - 1) / 2] / 1e3, times[(int) ((taken - 1) * 0.99)] / 1e3);
        System.out.flush();
    }

    /** Calls again when it was answered, until the time is over. */
    private static final class Lane {
        private final String workload;
        private final String path;
        private final CountDownLatch done;
        private long begun = System.nanoTime();

        Lane(String workload, int number, CountDownLatch done) {
            this.workload = workload;
            this.path = workload.equals("ephemeral") ? "/bench/ephemeral/" + number : "/bench/set/" + number;
            this.done = done;
        }

        void call() {
            switch (workload) {
                case "pipelined-set" -> client.setData(path, payload, -1, (rc, p, c, stat) -> answered(rc), null);
                case "ephemeral" -> client.create(
                        path, payload, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL, (rc, p, c, name) -> created(rc), null);
                default -> client.getData("/bench/get", false, (rc, p, c, data, stat) -> read(rc, data), null);
            }
        }

        private void created(int rc) {
            check(rc);
            client.delete(path, -1, (code, p, c) -> answered(code), null);
        }

        private void read(int rc, byte[] data) {
            if (rc == 0 && data.length != payload.length) {
                giveUp("a length of " + data.length);
            }
            answered(rc);
        }

        private void answered(int rc) {
            check(rc);
            long now = System.nanoTime();
            note(now - begun);
            begun = now;
            if (now < end) {
                call();
            } else {
                done.countDown();
            }
        }
    }

    /** Watches all nodes, sets them all and waits for all events. */
    private static void fanOut(int lanes) throws InterruptedException {
        long[] begun = new long[lanes];
        CountDownLatch armed = new CountDownLatch(lanes);
        CountDownLatch done = new CountDownLatch(2 * lanes);
        for (int number = 0; number < lanes; number++) {
            int lane = number;
            client.getData("/bench/watch/" + lane, event -> {
                if (event.getType() != EventType.NodeDataChanged) {
                    giveUp("an event of another kind: " + event);
                }
                note(System.nanoTime() - begun[lane]);
                done.countDown();
            }, (rc, p, c, data, stat) -> {
                check(rc);
                armed.countDown();
            }, null);
        }
        armed.await();
        for (int lane = 0; lane < lanes; lane++) {
            begun[lane] = System.nanoTime();
            client.setData("/bench/watch/" + lane, payload, -1, (rc, p, c, stat) -> {
                check(rc);
                done.countDown();
            }, null);
        }
        if (!done.await(20, TimeUnit.SECONDS)) {
            giveUp("events are missing");
        }
    }

    private static void note(long nanoseconds) {
        if (taken == times.length) {
            times = Arrays.copyOf(times, 2 * taken);
        }
        times[taken++] = nanoseconds;
    }

    private static void check(int rc) {
        if (rc != 0) {
            giveUp(String.valueOf(Code.get(rc)));
        }
    }

    private static void giveUp(String why) {
        System.out.println(why);
        System.out.flush();
        Runtime.getRuntime().halt(1);
    }
}
