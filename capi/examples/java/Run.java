import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.ptr.PointerByReference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Runs a locked model in onnxruntime. The plain model is in memory only, and not on Java's heap.
 *
 * <pre>
 *   java Run LOCKED KEY [IDENTITY]    runs a locked model
 *   java Run MODEL                    runs a model that is not locked, to compare
 *   java Run --vectors LIST           opens test vectors, as testdata/vectors.c does
 * </pre>
 *
 * It makes up inputs, and prints the outputs to the last bit.
 */
public final class Run {
    /** The functions of advparams.h. size_t is long, as on all 64-bit systems. */
    interface Advparams extends Library {
        Advparams INSTANCE = Native.load("advparams", Advparams.class, Map.of(Library.OPTION_STRING_ENCODING, "UTF-8"));

        int advparams_open(Options options, PointerByReference model, PointerByReference message);

        long advparams_file_count(Pointer model);

        String advparams_file_name(Pointer model, long index);

        long advparams_file_size(Pointer model, long index);

        Pointer advparams_file_data(Pointer model, long index);

        void advparams_close(Pointer model);

        void advparams_free_string(Pointer message);

        String advparams_status_name(int status);
    }

    /** advparams_options. */
    @Structure.FieldOrder({
        "struct_size", "locked_path", "locked", "locked_size", "data_files", "data_file_count", "key_path", "key",
        "key_size", "identity_path", "identity", "passphrase", "max_work_factor"
    })
    public static final class Options extends Structure {
        public long struct_size;
        public String locked_path;
        public Pointer locked;
        public long locked_size;
        public Pointer data_files;
        public long data_file_count;
        public String key_path;
        public Pointer key;
        public long key_size;
        public String identity_path;
        public String identity;
        public String passphrase;
        public int max_work_factor;

        public Options() {
            setStringEncoding("UTF-8");
            struct_size = size();
        }
    }

    /** A locked model could not be opened. */
    static final class LockedException extends Exception {
        private static final long serialVersionUID = 1;

        final int status;

        LockedException(int status, String message) {
            super(message);
            this.status = status;
        }
    }

    /** The original of a locked model. Close it after the session: onnxruntime may refer to its bytes. */
    static final class Unlocked implements AutoCloseable {
        private final Pointer model;

        Unlocked(String locked, String key, String identity, String passphrase) throws LockedException {
            Options options = new Options();
            options.locked_path = locked;
            options.key_path = key;
            options.identity_path = identity;
            options.passphrase = passphrase;
            PointerByReference out = new PointerByReference();
            PointerByReference message = new PointerByReference();
            int status = Advparams.INSTANCE.advparams_open(options, out, message);
            if (status != 0) {
                String text = message.getValue().getString(0, "UTF-8");
                Advparams.INSTANCE.advparams_free_string(message.getValue());
                throw new LockedException(status, text);
            }
            model = out.getValue();
        }

        long count() {
            return Advparams.INSTANCE.advparams_file_count(model);
        }

        String name(long i) {
            return Advparams.INSTANCE.advparams_file_name(model, i);
        }

        /** The bytes of a file, which are not copied. */
        ByteBuffer data(long i) {
            long size = Advparams.INSTANCE.advparams_file_size(model, i);
            return size == 0 ? ByteBuffer.allocateDirect(0) : Advparams.INSTANCE.advparams_file_data(model, i).getByteBuffer(0, size);
        }

        @Override
        public void close() {
            Advparams.INSTANCE.advparams_close(model);
        }
    }

    public static void main(String[] args) throws Exception {
        if (args.length == 2 && args[0].equals("--vectors")) {
            Vectors.open(Path.of(args[1]));
            return;
        }
        OrtEnvironment env = OrtEnvironment.getEnvironment();
        OrtSession.SessionOptions options = new OrtSession.SessionOptions();
        if (args.length == 1) {
            try (OrtSession session = env.createSession(args[0], options)) {
                run(env, session);
            }
            return;
        }
        try (Unlocked unlocked = new Unlocked(args[0], args[1], args.length > 2 ? args[2] : null, null)) {
            if (unlocked.count() > 1) {
                // Java's API of onnxruntime has no call that takes data files from memory.
                throw new UnsupportedOperationException("a model with external data");
            }
            try (OrtSession session = env.createSession(unlocked.data(0), options)) {
                run(env, session);
            }
        } catch (LockedException e) {
            System.err.println("error: " + e.getMessage());
            System.exit(1);
        }
    }

    /** Runs a session on inputs of its shapes, with 2 for open axes. */
    static void run(OrtEnvironment env, OrtSession session) throws OrtException {
        Map<String, OnnxTensor> inputs = new LinkedHashMap<>();
        for (NodeInfo input : session.getInputInfo().values()) {
            long[] shape = ((TensorInfo) input.getInfo()).getShape().clone();
            int count = 1;
            for (int i = 0; i < shape.length; i++) {
                shape[i] = shape[i] < 0 ? 2 : shape[i];
                count *= (int) shape[i];
            }
            FloatBuffer values = ByteBuffer.allocateDirect(4 * count).order(ByteOrder.nativeOrder()).asFloatBuffer();
            for (int i = 0; i < count; i++) {
                values.put(i, (float) ((int) ((long) i * 37 % 101) - 50) / 50);
            }
            inputs.put(input.getName(), OnnxTensor.createTensor(env, values, shape));
        }
        try (OrtSession.Result result = session.run(inputs)) {
            for (Map.Entry<String, ?> output : result) {
                StringBuilder line = new StringBuilder(output.getKey());
                FloatBuffer values = ((OnnxTensor) output.getValue()).getFloatBuffer();
                while (values.hasRemaining()) {
                    line.append(String.format(" %08x", Float.floatToRawIntBits(values.get())));
                }
                System.out.println(line);
            }
        }
        inputs.values().forEach(OnnxTensor::close);
    }
}
