package batch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/advparams/advparams/batch/objects"
	"github.com/advparams/advparams/batch/objects/objectstest"
)

// remoteBench is a bench with models and data in a bucket.
type remoteBench struct {
	*bench
	store *objectstest.Dir
}

const remoteManifest = `version: 1
defaults:
  data: {path: s3://zoo/data}
  seal: {plain: true}
%smodels: ["s3://zoo/models/**/*.onnx"]
`

func setUpRemote(t *testing.T, options string, models ...string) *remoteBench {
	t.Helper()
	b := &remoteBench{bench: setUp(t, "", "unused")}
	b.store = &objectstest.Dir{Root: t.TempDir()}
	b.cfg.Store, b.cfg.Scratch = b.store, t.TempDir()
	for i, text := range models {
		b.object(t, fmt.Sprintf("s3://zoo/models/%d/m%02d.onnx", i%2, i), text)
	}
	b.object(t, "s3://zoo/data/a/1.png", "one")
	b.object(t, "s3://zoo/data/b/2.png", "two")
	b.plans(t, fmt.Sprintf(remoteManifest, options))
	return b
}

func (b *remoteBench) object(t *testing.T, url, text string) {
	t.Helper()
	if _, err := b.store.Write(t.Context(), url, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func (b *remoteBench) plans(t *testing.T, manifest string) {
	t.Helper()
	m, err := Load(put(t, b.dir, "remote.yaml", manifest))
	if err != nil {
		t.Fatal(err)
	}
	if b.plan, err = m.Plan(t.Context(), b.store); err != nil {
		t.Fatal(err)
	}
}

// listing returns the keys in the bucket, without data and state folders.
func (b *remoteBench) listing(t *testing.T) []string {
	t.Helper()
	list, err := b.store.List(t.Context(), "s3://zoo/")
	if err != nil {
		t.Fatal(err)
	}
	var urls []string
	for _, o := range list {
		if !strings.Contains(o.URL, StateFolder) && !strings.Contains(o.URL, "/data/") {
			urls = append(urls, strings.TrimPrefix(o.URL, "s3://zoo/"))
		}
	}
	return urls
}

func (b *remoteBench) text(t *testing.T, url string) string {
	t.Helper()
	data, _, err := b.store.Read(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestObjects(t *testing.T) {
	b := setUpRemote(t, "", "one", "two", "unsupported")
	var gets atomic.Int32
	b.store.Before = func(op, url string) error {
		if op == "get" && strings.Contains(url, "/data/") {
			gets.Add(1)
		}
		return nil
	}
	s := b.run(t.Context())
	expectStates(t, s, "done 0, failed 5, done 0") // by path: 0/m00, 0/m02, 1/m01
	if n := gets.Load(); n != 2 {
		t.Errorf("the two files of the data set were fetched %d times", n)
	}
	want := []string{"models/0/m00.locked.html", "models/0/m00.locked.key", "models/0/m00.locked.onnx", "models/0/m00.onnx", "models/0/m02.onnx",
		"models/1/m01.locked.html", "models/1/m01.locked.key", "models/1/m01.locked.onnx", "models/1/m01.onnx"}
	if got := b.listing(t); !slices.Equal(got, want) {
		t.Errorf("the bucket has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := b.text(t, "s3://zoo/models/0/m00.locked.onnx"); got != "eno" {
		t.Errorf("the locked model is %q", got)
	}
	r := s.Models[0]
	if log := b.text(t, r.Log); !strings.Contains(log, "$ advparams protect") {
		t.Errorf("log %s: %q", r.Log, log)
	}
	if r.Report != "s3://zoo/models/0/m00.locked.html" {
		t.Errorf("report %s", r.Report)
	}
	if left, _ := b.store.List(t.Context(), "s3://zoo/"); slices.ContainsFunc(left, func(o objects.Object) bool { return strings.Contains(o.URL, ".lock/") }) {
		t.Errorf("locks are left: %v", left)
	}
	if left, _ := filepath.Glob(filepath.Join(b.cfg.Scratch, "jobs", "*")); len(left) > 0 {
		t.Errorf("copies are left: %q", left)
	}

	// A run that finds everything done reads only its records.
	b.store.Before = func(op, url string) error {
		if op == "get" || op == "put" {
			t.Errorf("%s %s though all is done", op, url)
		}
		return nil
	}
	expectStates(t, b.run(t.Context()), "unchanged 0, failed 5, unchanged 0")
	b.store.Before = nil
	for _, c := range []struct {
		name, want string
		change     func()
	}{
		{"a model", "done 0, failed 5, unchanged 0", func() { b.object(t, "s3://zoo/models/0/m00.onnx", "uno") }},
		{"an output is gone", "unchanged 0, failed 5, done 0", func() { b.store.Delete(t.Context(), "s3://zoo/models/1/m01.locked.key") }},
		{"the report is gone", "done 0, failed 5, unchanged 0", func() { b.store.Delete(t.Context(), "s3://zoo/models/0/m00.locked.html") }},
		{"an output changed", "unchanged 0, failed 5, done 0", func() { b.object(t, "s3://zoo/models/1/m01.locked.onnx", "xyz") }},
		{"the data", "done 0, failed 5, done 0", func() { b.object(t, "s3://zoo/data/b/3.png", "three") }},
	} {
		c.change()
		if got := states(b.run(t.Context())); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if got := b.text(t, "s3://zoo/models/0/m00.locked.onnx"); got != "onu" {
		t.Errorf("the locked model is %q", got)
	}
}

// TestObjectsAndFiles has models, keys and outputs partly in files and partly in
// object storage.
func TestObjectsAndFiles(t *testing.T) {
	for _, c := range []struct{ name, model, output, key string }{
		{"model", "s3://zoo/models/0/m00.onnx", "out/x.onnx", "keys/x.key"},
		{"output", "m00.onnx", "s3://zoo/out/x.onnx", "keys/x.key"},
		{"key", "m00.onnx", "out/x.onnx", "gs://keys/x.key"},
		{"other buckets", "s3://zoo/models/0/m00.onnx", "gs://locked/x.onnx", "azblob://keys/deep/x.key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := setUpRemote(t, "", "unused")
			manifest := fmt.Sprintf("version: 1\nmodels: [{path: %q, output: %q, key: %q, data: {path: s3://zoo/data/a/1.png}, seal: {plain: true}}]\n", c.model, c.output, c.key)
			b.plans(t, manifest)
			expectStates(t, b.run(t.Context()), "done 0")
			for _, path := range []string{c.output, c.key} {
				if objects.IsURL(path) {
					b.text(t, path)
				} else if _, err := os.Stat(filepath.Join(b.dir, path)); err != nil {
					t.Error(err)
				}
			}
			expectStates(t, b.run(t.Context()), "unchanged 0")
		})
	}
}

// TestManifestInBucket checks that relative paths start from the manifest's folder.
func TestManifestInBucket(t *testing.T) {
	b := setUpRemote(t, "", "one")
	b.object(t, "s3://zoo/jobs/m.yaml", "version: 1\nmodels: [{path: '../models/**/m*.onnx', except: ['../**/*.locked.onnx'], data: {path: ../data}, seal: {plain: true}, output: 'out/{{.Stem}}.onnx'}]\n")
	m, err := LoadObject(t.Context(), b.store, "s3://zoo/jobs/m.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if b.plan, err = m.Plan(t.Context(), b.store); err != nil {
		t.Fatal(err)
	}
	expectStates(t, b.run(t.Context()), "done 0")
	b.text(t, "s3://zoo/jobs/out/m00.onnx")
}

func TestObjectPlanMistakes(t *testing.T) {
	b := setUpRemote(t, "", "one")
	for _, c := range []struct{ name, models, want string }{
		{"no match", "['s3://zoo/models/*.pb']", `line 5: "s3://zoo/models/*.pb" matches no file`},
		{"a bucket that is not there", "['s3://none/*.onnx']", "bucket s3://none"},
		{"a pattern for buckets", "['s3://z*/a.onnx']", "the name of a bucket cannot be a pattern"},
		{"no key", "['s3://zoo']", "is not the name of a file in a bucket"},
		{"out of the bucket's folder", "[{path: s3://zoo/models/0/m00.onnx, output: 's3://zoo/out/{{.Dir}}/../../../x.onnx'}]", "leads out of"},
		{"an identity", "[{path: s3://zoo/models/0/m00.onnx, verify: {identities: ['s3://zoo/me.txt']}}]", "me.txt is in object storage"},
		{"over itself", "[{path: s3://zoo/models/0/m00.onnx, output: '{{.Bucket}}/{{.Dir}}/{{.Name}}'}]", "is a model and would be written"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Load(put(t, b.dir, "bad.yaml", "version: 1\ndefaults:\n  data: {path: d}\n  seal: {plain: true}\nmodels: "+c.models+"\n"))
			if err == nil {
				_, err = m.Plan(t.Context(), b.store)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
	m, err := Load(put(t, b.dir, "any.yaml", fmt.Sprintf(remoteManifest, "")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Plan(t.Context(), nil); err == nil || errors.Is(err, ErrManifest) {
		t.Errorf("without a store: %v", err)
	}
}

// TestStorageFails makes one operation after the other fail. The model then fails with
// status 1, and the next run does what is left.
func TestStorageFails(t *testing.T) {
	b := setUpRemote(t, "", "one")
	step := int32(1)
	if testing.Short() {
		step = 4
	}
	for n := int32(1); ; n += step {
		var count atomic.Int32
		b.store.Before = func(op, url string) error {
			if op == "delete" && strings.Contains(url, ".lock/") {
				return nil // or everybody would have to wait until its owner counts as dead
			}
			if count.Add(1) == n {
				return fmt.Errorf("the storage is away: %s %s", op, url)
			}
			return nil
		}
		s := b.run(t.Context())
		failed := s.Models[0].State == Failed
		if failed && (s.Models[0].Status != 1 || !strings.Contains(s.Models[0].Error, "the storage is away")) {
			t.Errorf("operation %d: status %d, %s", n, s.Models[0].Status, s.Models[0].Error)
		}
		b.store.Before = nil
		again := b.run(t.Context())
		if failed && states(again) != "done 0" && states(again) != "unchanged 0" || b.text(t, "s3://zoo/models/0/m00.locked.onnx") != "eno" {
			t.Fatalf("after operation %d: %s, %s", n, states(again), again.Models[0].Error)
		}
		if count.Load() < n {
			if n < 10 {
				t.Errorf("only %d operations", n)
			}
			return // it did not come to that
		}
		for _, o := range b.listing(t) {
			if strings.Contains(o, "locked") {
				b.store.Delete(t.Context(), "s3://zoo/"+o)
			}
		}
		os.RemoveAll(b.store.Path("s3://zoo/models/0/" + StateFolder))
	}
}

func TestForeignObjects(t *testing.T) {
	b := setUpRemote(t, "", "one")
	b.object(t, "s3://zoo/models/0/m00.locked.key", "precious")
	s := b.run(t.Context())
	expectStates(t, s, "failed 1")
	if b.text(t, "s3://zoo/models/0/m00.locked.key") != "precious" || !strings.Contains(s.Models[0].Error, "m00.locked.key exists already") {
		t.Errorf("error %q", s.Models[0].Error)
	}
	// A key cannot be kept under another name there, so that nothing replaces it.
	b.cfg.Force = true
	expectStates(t, b.run(t.Context()), "failed 1")
	if b.text(t, "s3://zoo/models/0/m00.locked.key") != "precious" {
		t.Error("--force replaced a key that is not of an earlier run")
	}
	if err := os.Remove(b.store.Path("s3://zoo/models/0/m00.locked.key")); err != nil {
		t.Fatal(err)
	}
	b.object(t, "s3://zoo/models/0/m00.locked.onnx", "an older model")
	expectStates(t, b.run(t.Context()), "done 0")
}

// TestTwoRunsOnObjects lets two runs share the models in a bucket.
func TestTwoRunsOnObjects(t *testing.T) {
	b := setUpRemote(t, "", "slow 1", "slow 2", "slow 3", "slow 4")
	var wg sync.WaitGroup
	sums := make([]*Summary, 2)
	for i := range sums {
		cfg := b.cfg
		cfg.Workers, cfg.Scratch = 2, t.TempDir()
		wg.Go(func() { sums[i] = Run(t.Context(), b.plan.Jobs, cfg) })
	}
	wg.Wait()
	for i := range 4 {
		pair := string(sums[0].Models[i].State) + " " + string(sums[1].Models[i].State)
		if pair != "done unchanged" && pair != "unchanged done" {
			t.Errorf("model %d: %s: it has to be done once", i, pair)
		}
	}
}

func TestObjectLock(t *testing.T) {
	store := &objectstest.Dir{Root: t.TempDir()}
	const url = "s3://zoo/out/x.lock"
	held, l, err := acquireObject(t.Context(), store, url)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = acquireObject(t.Context(), store, url)
	if h, ok := errors.AsType[*heldError](err); !ok || h.owner.PID != os.Getpid() {
		t.Errorf("the second owner gets %v", err)
	}
	if list, _ := store.List(t.Context(), "s3://zoo/"); len(list) != 1 {
		t.Errorf("%d objects", len(list))
	}
	l.release(t.Context())
	if context.Cause(held) != context.Canceled {
		t.Errorf("after release: %v", context.Cause(held))
	}
	// A lock that nobody has refreshed for a long time is removed.
	if _, err := store.Write(t.Context(), url+"/dead", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * stale)
	os.Chtimes(store.Path(url+"/dead"), old, old)
	_, l, err = acquireObject(t.Context(), store, url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Stat(t.Context(), url+"/dead"); err == nil {
		t.Error("the dead owner's is still there")
	}
	// The owner notices that its lock was removed.
	store.Delete(t.Context(), l.mine)
	if err := l.check(t.Context()); !errors.Is(err, errLost) {
		t.Errorf("after it was taken away: %v", err)
	}
	l.release(t.Context())
}

// TestObjectLockRace lets many goroutines take and release one lock.
func TestObjectLockRace(t *testing.T) {
	store := &objectstest.Dir{Root: t.TempDir()}
	var inside, times atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				_, l, err := acquireObject(t.Context(), store, "s3://zoo/x.lock")
				if err != nil {
					continue
				}
				if inside.Add(1) != 1 {
					t.Error("two owners at a time")
				}
				times.Add(1)
				inside.Add(-1)
				l.release(t.Context())
			}
		})
	}
	wg.Wait()
	if times.Load() == 0 {
		t.Error("nobody got the lock")
	}
}

func TestCache(t *testing.T) {
	store := &objectstest.Dir{Root: t.TempDir()}
	for _, name := range []string{"a", "b", "c/1", "c/2"} {
		if _, err := store.Write(t.Context(), "s3://zoo/"+name, make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	c := newCache(t.Context(), store, t.TempDir(), 250)
	take := func(urls ...string) (map[string]string, func()) {
		t.Helper()
		paths, release, err := c.take(t.Context(), urls...)
		if err != nil {
			t.Fatal(err)
		}
		return paths, release
	}
	there := func(path string) bool { _, err := os.Stat(path); return err == nil }
	p1, release1 := take("s3://zoo/a", "s3://zoo/b")
	a := p1["s3://zoo/a"]
	release1()
	if !there(a) || !there(p1["s3://zoo/b"]) {
		t.Error("sets that nobody uses went without need")
	}
	_, releaseA := take("s3://zoo/a")
	if _, _, err := c.take(t.Context(), "s3://zoo/a", "s3://zoo/b", "s3://zoo/c"); err == nil || !strings.Contains(err.Error(), "more than the 250 bytes") {
		t.Errorf("too much: %v", err)
	}
	// There is room for c only when a is given back.
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := c.take(ctx, "s3://zoo/c"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("beside what is in use: %v", err)
	}
	releaseA()
	p2, release2 := take("s3://zoo/c")
	if !there(filepath.Join(p2["s3://zoo/c"], "2")) || there(a) {
		t.Errorf("c there %v, a there %v", there(filepath.Join(p2["s3://zoo/c"], "2")), there(a))
	}
	release2()
	if _, _, err := c.take(t.Context(), "s3://zoo/none"); err == nil {
		t.Error("a set that is not there")
	}
}

func TestScratch(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "cache")
	one, err := OpenScratch(folder)
	if err != nil {
		t.Fatal(err)
	}
	two, err := OpenScratch(folder)
	if err != nil || two.Path == one.Path {
		t.Fatalf("two runs have %s, %v", two.Path, err)
	}
	put(t, one.data(), "whole/x", "data")
	put(t, one.data(), "cut.tmp/x", "data")
	put(t, one.jobs(), "old/x", "copy")
	if err := one.Close(); err != nil {
		t.Error(err)
	}
	again, err := OpenScratch(folder)
	if err != nil || again.Path != one.Path {
		t.Fatalf("the next run has %s, %v", again.Path, err)
	}
	for name, want := range map[string]bool{"data/whole/x": true, "data/cut.tmp": false, "jobs/old": false} {
		if _, err := os.Stat(filepath.Join(again.Path, name)); (err == nil) != want {
			t.Errorf("%s: there %v, want %v", name, err == nil, want)
		}
	}
	again.Close()
	two.Close()
}
