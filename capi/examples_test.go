package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/advparams/advparams/key"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/seal"
	"github.com/advparams/advparams/sealed"
)

// The tests in this file build and run the examples. .ci/capi brings what they need:
//
//	ADVPARAMS_ORT          a folder with libonnxruntime.so
//	ADVPARAMS_ORT_HEADERS  a folder with onnxruntime_c_api.h
//	ADVPARAMS_JARS         the class path with JNA and onnxruntime

func needed(t *testing.T, name, what string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Skipf("%s does not name %s; make test-capi brings it", name, what)
	}
	return v
}

// exampleModels are models whose inputs are floats. The last has external data.
var exampleModels = []string{
	"../models/glyphs.onnx", "../testdata/corpus/conv_batchnorm__dyn.onnx", "../testdata/corpus/layernorm_gelu__dyn.onnx",
	"../testdata/corpus/external_data__onnx.onnx",
}

// lockedModel is a model that was locked for an identity.
type lockedModel struct{ name, original, locked, key, identity string }

// lockModels locks models in both ways: all weights sealed, and a few elements changed.
func lockModels(t *testing.T, models []string) (list []lockedModel) {
	t.Helper()
	me, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	identity := filepath.Join(t.TempDir(), "me.txt")
	if err := os.WriteFile(identity, []byte(me.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range models {
		for _, way := range []string{"minimal", "sealed"} {
			dir := t.TempDir()
			l := lockedModel{filepath.Base(path) + " " + way, path, filepath.Join(dir, "locked.onnx"), filepath.Join(dir, "model.key"), identity}
			rec := lockExample(t, path, l.locked, way == "sealed")
			var k bytes.Buffer
			if err := key.Seal(&k, &key.Key{Record: *rec}, me.Recipient()); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(l.key, k.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			list = append(list, l)
		}
	}
	return list
}

// lockExample writes a locked model.
func lockExample(t *testing.T, path, dst string, all bool) *onnxio.Record {
	t.Helper()
	m, err := onnxio.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var out atomicfile.Set
	defer out.Abort()
	var rec *onnxio.Record
	if all {
		plan, err := sealed.NewPlan(m, sealed.Options{})
		if err != nil {
			t.Fatal(err)
		}
		rec, err = m.Seal(context.Background(), &out, dst, seal.NewKey(), plan.Ranges, nil)
		if err != nil {
			t.Fatal(err)
		}
	} else {
		var edits []onnxio.Edit
		for _, p := range m.Parameters() {
			if p.Trained && len(edits) < 3 {
				edits = append(edits, onnxio.Edit{Tensor: p.Name, Index: 0, Bits: uint64(math.Float32bits(-50))})
			}
		}
		if rec, err = m.Rewrite(&out, dst, edits); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Commit(); err != nil {
		t.Fatal(err)
	}
	return rec
}

// quiet keeps onnxruntime from collecting events, and Java and Python from other habits.
func quiet(cmd *exec.Cmd) *exec.Cmd {
	cmd.Env = append(os.Environ(), "ORT_DISABLE_TELEMETRY=1", "OMP_NUM_THREADS=1")
	return cmd
}

// tryExample compares what a program says of an original, of the locked model without its
// key, and of it with its key.
func tryExample(t *testing.T, models []string, program func(args ...string) *exec.Cmd) {
	t.Helper()
	for _, l := range lockModels(t, models) {
		t.Run(l.name, func(t *testing.T) {
			want := run(t, quiet(program(l.original)))
			if locked := run(t, quiet(program(l.locked))); locked == want || len(locked) != len(want) {
				t.Error("the locked model gives the same outputs")
			}
			if got := run(t, quiet(program(l.locked, l.key, l.identity))); got != want || len(got) < 9 {
				t.Errorf("outputs are\n%swant those of the original\n%s", got, want)
			}
			out, err := quiet(program(l.locked, l.key)).CombinedOutput()
			if err == nil || !strings.Contains(string(out), "wrong or missing identity") {
				t.Errorf("without the identity: %v, %s", err, out)
			}
		})
	}
}

// buildCPP builds the example in C++, with the library linked statically.
func buildCPP(t *testing.T) string {
	t.Helper()
	dir := libraryDir(t)
	ort, headers := needed(t, "ADVPARAMS_ORT", "a folder with libonnxruntime.so"), needed(t, "ADVPARAMS_ORT_HEADERS", "a folder with its header")
	program := filepath.Join(t.TempDir(), "run")
	run(t, exec.Command("c++", "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-I.", "-isystem", headers, "examples/cpp/run.cc",
		filepath.Join(dir, "libadvparams.a"), "-L"+ort, "-lonnxruntime", "-Wl,-rpath,"+ort, "-lpthread", "-o", program))
	return program
}

// javaProgram compiles the example in Java, and returns how to run it. What Java, JNA and
// onnxruntime put into temporary files, which is their own libraries, goes to /dev/shm.
func javaProgram(t *testing.T) func(args ...string) *exec.Cmd {
	t.Helper()
	dir, jars := libraryDir(t), needed(t, "ADVPARAMS_JARS", "the class path with JNA and onnxruntime")
	classes := t.TempDir()
	run(t, exec.Command("javac", "-Xlint:all", "-Werror", "-cp", jars, "-d", classes, "examples/java/Run.java", "examples/java/Vectors.java"))
	return func(args ...string) *exec.Cmd {
		return exec.Command("java", append([]string{
			"-Djava.io.tmpdir=/dev/shm", "-Djna.tmpdir=/dev/shm", "-XX:-UsePerfData", "-Xshare:auto",
			"-Djna.library.path=" + dir, "-cp", jars + ":" + classes, "Run",
		}, args...)...)
	}
}

func TestExampleCPP(t *testing.T) {
	program := buildCPP(t)
	tryExample(t, exampleModels, func(args ...string) *exec.Cmd { return exec.Command(program, args...) })
}

func TestExampleJava(t *testing.T) {
	tryExample(t, exampleModels[:3], javaProgram(t))
}

func TestJavaVectors(t *testing.T) {
	program := javaProgram(t)
	if out := run(t, program("--vectors", vectorList(t))); !strings.Contains(out, " 0 faults") {
		t.Error(out)
	}
}

// opened is what strace says of a file that is opened for writing, or made.
var opened = regexp.MustCompile(`^\d+ +(?:openat|open|creat)\((?:AT_FDCWD, )?"([^"]*)", [A-Z_|]*(?:O_WRONLY|O_RDWR|O_CREAT)`)

// inMemory are places in file systems in memory, and devices.
var inMemory = regexp.MustCompile(`^(/dev/(shm|null|tty)|/proc/)`)

// TestNoDisk traces the system calls of sessions: no file outside of file systems in memory
// is opened for writing.
func TestNoDisk(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip(err)
	}
	t.Run("C++", func(t *testing.T) {
		program := buildCPP(t)
		traced(t, func(args ...string) *exec.Cmd { return exec.Command(program, args...) })
	})
	t.Run("Java", func(t *testing.T) { traced(t, javaProgram(t)) })
}

func traced(t *testing.T, program func(args ...string) *exec.Cmd) {
	t.Helper()
	for _, l := range lockModels(t, exampleModels[:1]) {
		trace := filepath.Join(t.TempDir(), "trace")
		cmd := program(l.locked, l.key, l.identity)
		run(t, quiet(exec.Command("strace", append([]string{"-f", "-qq", "-e", "trace=open,openat,creat,rename,renameat,renameat2,link,linkat", "-o", trace}, cmd.Args...)...)))
		text, err := os.ReadFile(trace)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "locked.onnx") {
			t.Fatal("the trace does not show that the locked model was opened")
		}
		for line := range strings.Lines(string(text)) {
			if m := opened.FindStringSubmatch(line); m != nil && !inMemory.MatchString(m[1]) && !strings.Contains(line, " = -1 ") {
				t.Errorf("%s: a file was opened for writing: %s", l.name, line)
			}
		}
		if strings.Contains(string(text), "rename") || strings.Contains(string(text), "link(") {
			t.Errorf("%s: files were renamed or linked", l.name)
		}
	}
}
