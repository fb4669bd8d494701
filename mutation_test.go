package advparams_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strconv"
	"testing"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/mutate"
	"github.com/advparams/advparams/internal/testmodel"
)

// Bounds of what one mutated file may cost.
const (
	mostCPU    = 2.0     // seconds
	mostMemory = 1 << 30 // bytes
)

// mutations returns how many mutated files to try, as make test-mutations decides, and
// the seed.
func mutations(t *testing.T, plain int) (count int, seed uint64) {
	count, seed = plain, 1
	for name, set := range map[string]func(int){
		"ADVPARAMS_MUTATIONS": func(n int) { count = n },
		"ADVPARAMS_SEED":      func(n int) { seed = uint64(n) },
	} {
		if s := os.Getenv(name); s != "" {
			n, err := strconv.Atoi(s)
			if err != nil {
				t.Fatal(err)
			}
			set(n)
		}
	}
	return count, seed
}

// costs are those of the dearest of many calls.
type costs struct {
	cpu           float64 // seconds
	memory        int64   // bytes
	calls, failed int
}

// call runs f and fails the test if it costs too much. Memory is what is allocated, or,
// where that is a lot and the system tells, the most that the process holds at a time.
func (c *costs) call(t *testing.T, name string, f func() error) error {
	t.Helper()
	cpu, memory := cpuTime(), allocated()
	err := f()
	cpu, memory = cpuTime()-cpu, allocated()-memory
	if memory > mostMemory/4 {
		if peak, ok := peakMemory(func() { _ = f() }); ok {
			memory = peak
		}
	}
	c.calls++
	if err != nil {
		c.failed++
	}
	c.cpu, c.memory = max(c.cpu, cpu), max(c.memory, memory)
	if cpu > mostCPU || memory > mostMemory {
		t.Errorf("%s took %.1f s of CPU time and %d MB: %v", name, cpu, memory>>20, err)
	}
	return err
}

// allocated returns how much has been allocated in the heap so far.
func allocated() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

func (c *costs) log(t *testing.T) {
	t.Logf("%d calls, %d refused; the dearest took %.2f s of CPU time, and %d MB", c.calls, c.failed, c.cpu, c.memory>>20)
}

// keepFile saves a file that a failed test was about.
func keepFile(t *testing.T, failed bool, name string, data []byte) {
	t.Helper()
	folder := os.Getenv("ADVPARAMS_KEEP")
	if !failed || folder == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(folder, name), data, 0o666); err != nil {
		t.Error(err)
	}
}

// TestMutatedModels inspects and runs models that were changed field by field, forward and
// for gradients, and locks those that still are the classifier that they come from. There
// is no panic, and none takes more than 2 s of CPU time or 1 GB.
func TestMutatedModels(t *testing.T) {
	count, seed := mutations(t, 300)
	dir := t.TempDir()
	small := filepath.Join(dir, "base.onnx")
	if err := writeRegression(small); err != nil {
		t.Fatal(err)
	}
	bases := [][]byte{read(t, small)}
	for _, g := range testmodel.Corpus(t) {
		if data := read(t, g.Model); len(data) < 1<<15 {
			bases = append(bases, data)
		}
	}
	set, err := measurements(20)
	if err != nil {
		t.Fatal(err)
	}
	path, locked, keyPath := filepath.Join(dir, "model.onnx"), filepath.Join(dir, "locked.onnx"), filepath.Join(dir, "model.key")
	var c costs
	for i := range count {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		base := rng.IntN(2 * len(bases))
		if base >= len(bases) {
			base = 0
		}
		data := mutate.Model(bases[base], rng)
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		failed := t.Failed()
		name := fmt.Sprintf("model %d of seed %d: ", i, seed)
		_, _ = c.call(t, name+"inspecting", func() error {
			_, err := advparams.Inspect(t.Context(), advparams.InspectOptions{Path: path})
			return err
		}), c.call(t, name+"running", func() error {
			_, err := advparams.Bench(t.Context(), advparams.BenchOptions{Model: path, Batch: 2, Repeat: 1, Threads: 1})
			return err
		})
		if base == 0 && i%4 == 0 {
			err := c.call(t, name+"locking", func() error {
				_, err := advparams.Protect(t.Context(), advparams.ProtectOptions{
					Model: path, Data: advparams.Data{Samples: set}, Locked: locked, Key: keyPath, PlainKey: true, MaxParams: 2, Threads: 1, AllowPartial: true, Force: true,
				})
				return err
			})
			checkLocked(t, err, path, locked, keyPath)
		}
		keepFile(t, !failed && t.Failed(), fmt.Sprintf("%d-%d.onnx", seed, i), data)
	}
	c.log(t)
}

// checkLocked unlocks what was locked, and removes it.
func checkLocked(t *testing.T, err error, path, locked, keyPath string) {
	t.Helper()
	if _, there := os.Stat(locked); there != nil {
		if err == nil || errors.Is(err, advparams.ErrTarget) && !errors.Is(there, fs.ErrNotExist) {
			t.Errorf("locking: %v, and the file: %v", err, there)
		}
		return
	}
	var back bytes.Buffer
	if _, err := advparams.Unlock(t.Context(), advparams.UnlockOptions{Locked: locked, Key: advparams.KeyFile{Path: keyPath}, OutTo: &back}); err != nil || !bytes.Equal(back.Bytes(), read(t, path)) {
		t.Errorf("unlocking: %v, equal %v", err, bytes.Equal(back.Bytes(), read(t, path)))
	}
	if err := errors.Join(os.Remove(locked), os.Remove(keyPath)); err != nil {
		t.Fatal(err)
	}
}
