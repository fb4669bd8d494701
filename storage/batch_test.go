package storage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/advparams/advparams/batch/objects"
)

// The batch of the test runs this binary as advparams-storage, with the patience
// of tests.
const serveVariable = "STORAGE_TEST_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(serveVariable) != "" {
		s := &Store{Open: Open, Patience: hasty}
		if err := objects.Serve(context.Background(), s, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	status := m.Run()
	azuriteStop()
	os.Exit(status)
}

const manifest = `version: 1
defaults:
  data: {path: BUCKET/data}
  samples: 50
  seal: {plain: true}
  verify: {data: {limit: 100}}
  output: BUCKET/OUT/{{.Stem}}.locked.onnx
models: ["BUCKET/models/*.onnx"]
`

// TestBatch locks models in a bucket, undisturbed; then again, to another place,
// while a tenth of all requests fails in one way or another and the program is
// killed again and again. The objects come out the same, and at no time is
// there one that is not as it is in the end.
func TestBatch(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "advparams")
	if out, err := exec.Command("go", "build", "-C", "..", "-o", program, "./cmd/advparams").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := exec.Command(program, "demo", "--quiet", filepath.Join(dir, "story")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	overClouds(t, func(t *testing.T, srv *server) { testBatch(t, srv, program, filepath.Join(dir, "story")) })
}

func testBatch(t *testing.T, srv *server, program, story string) {
	dir := t.TempDir()
	model, err := os.ReadFile(filepath.Join(story, "glyphs.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	const good = 4
	for i := range good {
		srv.put(t, fmt.Sprintf("models/m%d.onnx", i), model)
	}
	srv.put(t, "models/broken.onnx", bytes.ReplaceAll(model, []byte("Gemm"), []byte("Gemx")))
	data, err := filepath.Glob(filepath.Join(story, "data", "*"))
	if err != nil || len(data) == 0 {
		t.Fatal("the demo has no data")
	}
	for _, path := range data {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		srv.put(t, "data/"+filepath.Base(path), text)
	}

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := func(out string) (*exec.Cmd, *bytes.Buffer) {
		path := filepath.Join(dir, out+".yaml")
		if err := os.WriteFile(path, []byte(strings.NewReplacer("BUCKET", srv.bucket, "OUT", out).Replace(manifest)), 0o666); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(program, "batch", path, "--json", "--quiet", "--cache", filepath.Join(dir, "cache "+out), "--results", srv.url(out+"/results.jsonl"))
		cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000", serveVariable+"=1", objects.ProgramVariable+"="+self)
		var stdout bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, os.Stderr
		return cmd, &stdout
	}
	run := func(out string) {
		t.Helper()
		cmd, stdout := command(out)
		cmd.Run()
		var s struct {
			Status int            `json:"status"`
			Counts map[string]int `json:"counts"`
		}
		if err := json.Unmarshal(stdout.Bytes(), &s); err != nil || s.Status != 5 || s.Counts["done"]+s.Counts["unchanged"] != good || s.Counts["failed"] != 1 {
			t.Fatalf("%s: %v, %s", out, err, stdout)
		}
	}
	start := time.Now()
	run("calm")
	took := time.Since(start)

	// What was ever to be seen of an output, by digest.
	seen := map[string]map[[32]byte]bool{}
	watching, stop := context.WithCancel(t.Context())
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for watching.Err() == nil {
			for _, key := range srv.keys(t) {
				if strings.HasPrefix(key, "wild/") && outputs(key) {
					if seen[key] == nil {
						seen[key] = map[[32]byte]bool{}
					}
					seen[key][sha256.Sum256(srv.content(t, key))] = true
				}
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
	srv.spoil(0.1)
	rng := rand.New(rand.NewPCG(3, 4))
	killed := 0
	for range 4 {
		cmd, _ := command("wild")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rng.Int64N(int64(took))))
		cmd.Process.Kill()
		if cmd.Wait(); cmd.ProcessState.ExitCode() < 0 {
			killed++
		}
	}
	run("wild")
	stop()
	watcher.Wait()
	srv.spoil(0)
	t.Logf("%v undisturbed; then killed %d times; faults %v", took.Round(time.Millisecond), killed, srv.counts)

	found := 0
	for _, key := range srv.keys(t) {
		name, calm := strings.CutPrefix(key, "calm/")
		if !calm || !outputs(key) {
			continue
		}
		found++
		want := srv.content(t, key)
		if got := srv.content(t, "wild/"+name); !bytes.Equal(got, want) {
			t.Errorf("%s has %d bytes, which are not the %d of the undisturbed run", name, len(got), len(want))
		}
		for sum := range seen["wild/"+name] {
			if sum != sha256.Sum256(want) {
				t.Errorf("%s could be seen with other content", name)
			}
		}
	}
	if found != 2*good {
		t.Errorf("%d outputs, want %d", found, 2*good)
	}
	for _, key := range srv.keys(t) {
		if strings.Contains(key, ".lock/") {
			t.Errorf("%s is left", key)
		}
	}
}

// outputs reports whether an object is a locked model or a key, which have no
// times in them.
func outputs(key string) bool {
	return strings.HasSuffix(key, ".onnx") || strings.HasSuffix(key, ".key")
}
