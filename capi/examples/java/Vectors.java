import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Opens the test vectors of a list and compares what comes out. testdata/vectors.c says what a list is. */
final class Vectors {
    private Vectors() {}

    static void open(Path list) throws IOException {
        Map<String, String> vector = new HashMap<>();
        List<String[]> files = new ArrayList<>();
        int count = 0;
        int faults = 0;
        for (String line : Files.readAllLines(list)) {
            String[] words = line.split(" ", 2);
            switch (words[0]) {
                case "data" -> {}
                case "file" -> files.add(words[1].split("\t"));
                case "end" -> {
                    String fault = fault(vector, files);
                    if (fault != null) {
                        System.err.println(vector.get("vector") + ": " + fault);
                        faults++;
                    }
                    count++;
                    vector.clear();
                    files.clear();
                }
                default -> vector.put(words[0], words[1]);
            }
        }
        System.out.println(count + " vectors: " + faults + " faults");
        System.exit(faults == 0 ? 0 : 1);
    }

    /** Returns what is wrong with a vector, or null. */
    private static String fault(Map<String, String> v, List<String[]> files) throws IOException {
        int want = Integer.parseInt(v.get("status"));
        try (Run.Unlocked unlocked = new Run.Unlocked(v.get("locked"), v.get("key"), v.get("identity"), v.get("passphrase"))) {
            if (want != 0) {
                return "it was opened, want status " + want;
            }
            if (unlocked.count() != files.size()) {
                return unlocked.count() + " files";
            }
            for (int i = 0; i < files.size(); i++) {
                ByteBuffer original = ByteBuffer.wrap(Files.readAllBytes(Path.of(files.get(i)[1])));
                if (!unlocked.name(i).equals(files.get(i)[0]) || !unlocked.data(i).equals(original)) {
                    return files.get(i)[0] + " is not the original";
                }
            }
            return null;
        } catch (Run.LockedException e) {
            return e.status == want ? null : "status " + e.status + ", want " + want + ": " + e.getMessage();
        }
    }
}
