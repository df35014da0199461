// One call after the other through every fault: the order `probe` of the Java client; see src/contender.rs.

import java.io.IOException;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.ZooKeeper;

final class Probe {
    private static final String PATH = "/bench/get";

    private Probe() {}

    /** Calls until standard input ends; does not return. */
    static void run(ZooKeeper client, int gap, int every) throws InterruptedException {
        background(Probe::endWithStandardInput);
        if (every > 0) {
            background(() -> callUnawaited(client, every));
        }
        while (true) {
            long begun = System.nanoTime();
            String result;
            try {
                client.getData(PATH, false, null);
                result = "\"session\":" + client.getSessionId();
            } catch (KeeperException error) {
                result = "\"error\":\"" + error.code() + "\"";
            }
            // One line a write: the clock is the same as everywhere, CLOCK_MONOTONIC on Linux.
            System.out.println("{\"begun\":" + begun + ",\"ended\":" + System.nanoTime() + "," + result + "}");
            Thread.sleep(gap);
        }
    }

    private static void callUnawaited(ZooKeeper client, int every) {
        try {
            while (true) {
                client.getData(PATH, false, (rc, path, context, data, stat) -> {}, null);
                Thread.sleep(every);
            }
        } catch (InterruptedException end) {
            Thread.currentThread().interrupt();
        }
    }

    private static void endWithStandardInput() {
        try {
            while (System.in.read() >= 0) {}
        } catch (IOException end) {
            // As good as its end.
        }
        Runtime.getRuntime().halt(0);
    }

    private static void background(Runnable task) {
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        thread.start();
    }
}
