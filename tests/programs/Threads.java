import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;

/** Threads, garbage collection, exceptions, deep recursion, a child process, properties. */
public class Threads {
    static int depth(int n) {
        return n == 0 ? 0 : depth(n - 1) + 1;
    }

    static int overflow() {
        return overflow() + 1;
    }

    public static void main(String[] arguments) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);
        List<Callable<Integer>> tasks = IntStream.range(0, 50).mapToObj(n -> (Callable<Integer>) () -> n * n).toList();
        int total = 0;
        for (var result : pool.invokeAll(tasks)) {
            total += result.get();
        }
        pool.shutdown();
        System.out.println("total " + total);
        long bytes = 0;
        for (int i = 0; i < 2000; i++) {
            bytes += new byte[10000].length;
        }
        System.gc();
        System.out.println("allocated " + bytes);
        System.out.println("depth " + depth(1000));
        try {
            overflow();
        } catch (StackOverflowError error) {
            System.out.println("overflow caught");
        }
        Process child = new ProcessBuilder("echo", "from a child").start();
        System.out.print(new String(child.getInputStream().readAllBytes()));
        System.out.println("child " + child.waitFor());
        String command = ProcessHandle.current().info().command().orElse("unknown");
        System.out.println(Path.of(command).getFileName() + " " + String.join(",", arguments) + " " + System.getProperty("user.dir").isEmpty());
        System.err.println("to stderr");
        System.exit(6);
    }
}
