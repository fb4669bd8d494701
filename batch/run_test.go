package batch

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/wire"
)

// The tests run this binary as the program. It stands in for advparams, locks a
// model by reversing its bytes, and does what the text of the model says.
const standInVariable = "BATCH_TEST_STAND_IN"

func TestMain(m *testing.M) {
	if os.Getenv(standInVariable) != "" {
		standIn()
	}
	os.Exit(m.Run())
}

// standIn reads a request, does the step and writes the response.
func standIn() {
	req, err := wire.ReadRequest(os.Stdin)
	if err != nil {
		panic(err)
	}
	resp := &wire.Response{}
	if e := pretend(req, resp); e != nil {
		resp.Error = e
	}
	if err := resp.Write(os.Stdout); err != nil {
		panic(err)
	}
	os.Exit(0)
}

// failure returns an error with a hint.
func failure(status int, why string) *wire.Error {
	return &wire.Error{Kind: wire.Failed, Status: status, Message: why, Advice: "do something"}
}

// pretend does a step.
func pretend(req *wire.Request, resp *wire.Response) *wire.Error {
	switch req.Step() {
	case wire.StepInputs:
		if req.Inputs.NamesOnly {
			return nil
		}
		s, err := Stat(req.Inputs.Model)
		if err != nil {
			return failure(1, req.Names.In(err.Error()))
		}
		resp.Inputs = []wire.File{{Path: s.Path, Size: s.Size, Modified: s.Time, SHA256: s.SHA256}}
	case wire.StepVerify:
		original, locked, exact := 1.0, 0.0, true
		resp.Verify = &advparams.Verification{Accuracy: advparams.ByModel{Original: &original, Locked: &locked}, BitExact: &exact}
		os.WriteFile(req.Verify.Report, nil, 0o666)
	case wire.StepAttack:
		// The notes count the calls. With 3 epochs, the first call is interrupted.
		notes, _ := os.ReadFile(req.Attack.Notes)
		os.WriteFile(req.Attack.Notes, append(notes, 'x'), 0o666)
		if req.Attack.Trials.Epochs == 3 && len(notes) == 0 {
			return failure(1, "interrupted")
		}
		best, scratch, advantage := 0.5, 0.25, 0.25
		resp.Attack = &advparams.AttackReport{Best: &best, ScratchAccuracy: &scratch, Advantage: &advantage, Changed: len(notes) + 1}
	case wire.StepProtect:
		return pretendToLock(req, resp)
	}
	return nil
}

// pretendToLock locks a model, or does what the first word of the model says.
func pretendToLock(req *wire.Request, resp *wire.Response) *wire.Error {
	model := req.Protect.Model
	text, err := os.ReadFile(model)
	if err != nil {
		return failure(1, err.Error())
	}
	state := filepath.Join(filepath.Dir(model), "tried-"+filepath.Base(model))
	_, err = os.Stat(state)
	again := err == nil
	os.WriteFile(state, nil, 0o666)
	switch word, _, _ := strings.Cut(string(text), " "); word {
	case "unsupported":
		return failure(5, "no such operator")
	case "panic":
		panic("of the stand-in")
	case "crash": // as a Go program whose memory is corrupt
		go panic("in a goroutine")
		select {}
	case "hang":
		os.WriteFile(filepath.Join(os.Getenv("TMPDIR"), "secret"), nil, 0o666)
		time.Sleep(time.Hour)
	case "flaky":
		if !again {
			return failure(1, "the disk was away")
		}
	case "hungry":
		if !again {
			p, _ := os.FindProcess(os.Getpid())
			p.Kill()
			select {}
		}
	case "halfway": // killed after the first of several outputs has appeared
		extra := req.Protect.Output + ".data"
		if !again {
			os.WriteFile(extra, nil, 0o666)
			p, _ := os.FindProcess(os.Getpid())
			p.Kill()
			select {}
		}
		if _, err := os.Stat(extra); err == nil && !req.Force {
			return failure(1, "exists already")
		}
	case "mute":
		os.Exit(0)
	case "slow":
		time.Sleep(300 * time.Millisecond)
	}
	out := bytes.Clone(text)
	for i := range out {
		out[i] = text[len(text)-1-i]
	}
	os.WriteFile(req.Protect.Output, out, 0o666)
	os.WriteFile(req.Protect.Key, nil, 0o666)
	s, _ := Stat(model)
	resp.Protect = &advparams.Protection{ParamsChanged: 3, ParamsTotal: 9, Files: []string{"x"}}
	resp.Protect.SHA256.Original = s.SHA256
	return nil
}

// bench is a folder with models and a manifest.
type bench struct {
	dir  string
	plan *Plan
	cfg  Config
}

// setUp makes models with the given texts, and a manifest with options among the
// defaults.
func setUp(t *testing.T, options string, models ...string) *bench {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in is told to stop by signals")
	}
	t.Setenv(standInVariable, "1")
	b := &bench{dir: t.TempDir()}
	for i, text := range models {
		put(t, b.dir, fmt.Sprintf("m%02d.onnx", i), text)
	}
	put(t, b.dir, "data.npz", "samples")
	put(t, b.dir, "m.yaml", "version: 1\ndefaults:\n  data: {path: data.npz}\n  seal: {plain: true}\n"+options+"models: ['m*.onnx']\n")
	b.replan(t)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b.cfg = Config{Command: []string{program}, Tool: "test", Workers: 4, Resources: Resources{Cores: 4}}
	return b
}

func (b *bench) replan(t *testing.T) {
	t.Helper()
	m, err := Load(filepath.Join(b.dir, "m.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if b.plan, err = m.Plan(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) run(ctx context.Context) *Summary { return Run(ctx, b.plan.Jobs, b.cfg) }

// edit replaces text in a file.
func (b *bench) edit(t *testing.T, name, old, text string) {
	t.Helper()
	before, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil || !strings.Contains(string(before), old) {
		t.Fatalf("%s: %v in %s", name, err, before)
	}
	put(t, b.dir, name, strings.ReplaceAll(string(before), old, text))
}

// states lists state and status of each model.
func states(s *Summary) string {
	var list []string
	for _, r := range s.Models {
		list = append(list, fmt.Sprintf("%s %d", r.State, r.Status))
	}
	return strings.Join(list, ", ")
}

func expectStates(t *testing.T, s *Summary, want string) {
	t.Helper()
	if got := states(s); got != want {
		t.Errorf("%s\nwant %s", got, want)
		for _, r := range s.Models {
			if r.Error != "" {
				t.Logf("%s: %s", r.Model, r.Error)
			}
		}
	}
}

func TestOneModelsFailureIsItsOwn(t *testing.T) {
	b := setUp(t, "", "fine", "unsupported", "panic", "crash", "hang", "flaky", "mute", "fine too")
	put(t, b.dir, "m.yaml", "version: 1\ndefaults:\n  data: {path: data.npz}\n  seal: {plain: true}\nmodels: ['m*.onnx', {path: m04.onnx, timeout: 1s}]\n")
	b.replan(t)
	s := b.run(t.Context())
	expectStates(t, s, "done 0, failed 5, failed 1, failed 1, failed 1, failed 1, failed 1, done 0")
	for i, want := range []string{"", "no such operator", "crashed: exit status 2, panic: of the stand-in", "crashed: exit status 2, panic: in a goroutine",
		"not done after 1s", "the disk was away", "without a response", ""} {
		r := s.Models[i]
		if !strings.Contains(r.Error, want) || (want == "") != (r.Error == "") {
			t.Errorf("%s: error %q, want %q", r.Model, r.Error, want)
		}
		if r.Retryable != (r.Status == 1) {
			t.Errorf("%s: status %d, retryable %v", r.Model, r.Status, r.Retryable)
		}
	}
	if s.Status != 1 {
		t.Errorf("status %d, want 1: trying again may help", s.Status)
	}
	if left, _ := filepath.Glob(filepath.Join(b.dir, StateFolder, "*.tmp")); len(left) > 0 {
		t.Errorf("temporary files are left: %q", left)
	}
	if left, _ := filepath.Glob(filepath.Join(b.dir, StateFolder, "*.lock")); len(left) > 0 {
		t.Errorf("locks are left: %q", left)
	}
	// What failed for good is not tried again. Other failures are.
	b.cfg.Workers = 1
	s = b.run(t.Context())
	expectStates(t, s, "unchanged 0, failed 5, failed 1, failed 1, failed 1, done 0, failed 1, unchanged 0")
	if s.Models[1].Log != "" {
		t.Error("the model that failed with status 5 was tried again")
	}
	b.cfg.RetryFailed = true
	if s = b.run(t.Context()); s.Models[1].Log == "" {
		t.Error("with RetryFailed, the model that failed with status 5 was not tried again")
	}
}

func TestRetries(t *testing.T) {
	b := setUp(t, "  retries: 1\n", "flaky", "unsupported")
	s := b.run(t.Context())
	expectStates(t, s, "done 0, failed 5")
	if s.Models[0].Retries != 1 || s.Models[1].Retries != 0 || s.Status != 5 {
		t.Errorf("retries %d and %d, status %d", s.Models[0].Retries, s.Models[1].Retries, s.Status)
	}
}

// TestKilledBesideOthers checks that a model whose step is killed while others run is
// tried again alone, and that one whose step is killed alone has failed.
func TestKilledBesideOthers(t *testing.T) {
	b := setUp(t, "", "hungry", "slow", "slow")
	var postponed atomic.Int32
	b.cfg.Progress = func(p Progress) {
		if p.Result == nil {
			postponed.Add(1)
		}
	}
	expectStates(t, b.run(t.Context()), "done 0, done 0, done 0")
	if postponed.Load() != 1 {
		t.Errorf("postponed %d times, want once", postponed.Load())
	}
	b = setUp(t, "", "hungry")
	b.cfg.Workers = 1
	s := b.run(t.Context())
	expectStates(t, s, "failed 1")
	if !strings.Contains(s.Models[0].Error, "killed") {
		t.Errorf("error %q", s.Models[0].Error)
	}
}

func TestWhatIsDoneAgain(t *testing.T) {
	b := setUp(t, "", "one", "two")
	expectStates(t, b.run(t.Context()), "done 0, done 0")
	file := func(name string) string { return filepath.Join(b.dir, name) }
	for _, c := range []struct {
		name, want string
		change     func()
	}{
		{"nothing", "unchanged 0, unchanged 0", func() {}},
		{"touched files", "unchanged 0, unchanged 0", func() {
			os.Chtimes(file("m00.onnx"), time.Time{}, time.Unix(1, 0))
			os.Chtimes(file("m00.locked.onnx"), time.Time{}, time.Unix(1, 0))
		}},
		{"a model", "done 0, unchanged 0", func() { put(t, b.dir, "m00.onnx", "uno") }},
		{"the key is gone", "unchanged 0, done 0", func() { os.Remove(file("m01.locked.key")) }},
		{"the report is gone", "done 0, unchanged 0", func() { os.Remove(file("m00.locked.html")) }},
		{"an output changed", "unchanged 0, done 0", func() { put(t, b.dir, "m01.locked.onnx", "xyz") }},
		{"the record is damaged", "done 0, unchanged 0", func() {
			put(t, b.dir, StateFolder+"/m00.locked.onnx.json", "{")
			// Nothing says any longer that these files are ours.
			for _, name := range []string{"m00.locked.onnx", "m00.locked.key", "m00.locked.html"} {
				os.Remove(file(name))
			}
		}},
		{"findings of another form", "unchanged 0, done 0", func() {
			b.edit(t, StateFolder+"/m01.locked.onnx.json", `"params_total": 9`, `"params_total": "nine"`)
		}},
		{"findings with more fields than now", "unchanged 0, unchanged 0", func() {
			b.edit(t, StateFolder+"/m01.locked.onnx.json", `"params_total": 9`, `"params_total": 9, "mood": "good"`)
		}},
		{"the data", "done 0, done 0", func() { put(t, b.dir, "data.npz", "other samples") }},
		{"the program", "done 0, done 0", func() { b.cfg.Tool = "newer" }},
		{"threads", "unchanged 0, unchanged 0", func() { b.cfg.Resources.Cores = 1 }},
		{"an option", "done 0, done 0", func() {
			put(t, b.dir, "m.yaml", "version: 1\ndefaults:\n  data: {path: data.npz}\n  seal: {plain: true}\n  samples: 7\nmodels: ['m*.onnx']\n")
			b.replan(t)
		}},
		{"only how to verify", "done 0, done 0", func() {
			put(t, b.dir, "m.yaml", "version: 1\ndefaults:\n  data: {path: data.npz}\n  seal: {plain: true}\n  samples: 7\n  verify: {data: {limit: 3}}\nmodels: ['m*.onnx']\n")
			b.replan(t)
			os.RemoveAll(file("tried-m00.onnx"))
		}},
	} {
		c.change()
		s := b.run(t.Context())
		if got := states(s); got != c.want {
			t.Errorf("%s: %s, want %s; %s %s", c.name, got, c.want, s.Models[0].Error, s.Models[1].Error)
		}
	}
	if _, err := os.Stat(file("tried-m00.onnx")); err == nil {
		t.Error("protect was done again although only verify's options changed")
	}
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(b.dir, moved); err != nil {
		t.Fatal(err)
	}
	b.dir = moved
	b.replan(t)
	expectStates(t, b.run(t.Context()), "unchanged 0, unchanged 0")
}

// TestAttack checks that attacks go on with their notes while model and options are
// the same, and begin anew otherwise.
func TestAttack(t *testing.T) {
	b := setUp(t, "  steps: [protect, attack]\n  attack: {test: {path: test}, epochs: 3}\n", "one")
	put(t, b.dir, "test/x", "samples")
	expectStates(t, b.run(t.Context()), "failed 1")
	for _, c := range []struct {
		change func()
		state  string
		calls  int // that notes have been kept of
	}{
		{func() {}, "done 0", 2},
		{func() {}, "unchanged 0", 2},
		{func() { put(t, b.dir, "test/x", "other samples") }, "failed 1", 0},
		{func() {}, "done 0", 2},
		{func() { os.Remove(filepath.Join(b.dir, "m00.locked.key")) }, "done 0", 3}, // the same bytes again
	} {
		c.change()
		s := b.run(t.Context())
		expectStates(t, s, c.state)
		calls := 0
		if a := s.Models[0].Attack; a != nil {
			calls = a.Changed
		}
		if calls != c.calls {
			t.Errorf("attack was called %d times, want %d", calls, c.calls)
		}
	}
	if f := b.run(t.Context()).Models[0].Figures(); f.BestAttack == nil || *f.Advantage != 0.25 {
		t.Errorf("figures %+v", f)
	}
}

// TestLockedModelsOfOthers checks that a job that only verifies notices when the
// locked model is another one.
func TestLockedModelsOfOthers(t *testing.T) {
	b := setUp(t, "  steps: [verify]\n", "one")
	put(t, b.dir, "m00.locked.onnx", "eno")
	put(t, b.dir, "m00.locked.key", "")
	expectStates(t, b.run(t.Context()), "done 0")
	expectStates(t, b.run(t.Context()), "unchanged 0")
	put(t, b.dir, "m00.locked.onnx", "another")
	expectStates(t, b.run(t.Context()), "done 0")
}

// TestKilledHalfway checks that outputs are replaced that only a killed step knew of.
func TestKilledHalfway(t *testing.T) {
	b := setUp(t, "", "halfway")
	b.cfg.Workers = 1
	expectStates(t, b.run(t.Context()), "failed 1")
	expectStates(t, b.run(t.Context()), "done 0")
	expectStates(t, b.run(t.Context()), "unchanged 0")
}

func TestForeignOutputs(t *testing.T) {
	b := setUp(t, "", "one")
	path := put(t, b.dir, "m00.locked.key", "precious")
	s := b.run(t.Context())
	expectStates(t, s, "failed 1")
	if text, _ := os.ReadFile(path); string(text) != "precious" || !strings.Contains(s.Models[0].Error, "m00.locked.key exists already") {
		t.Errorf("the file is %q, the error %q", text, s.Models[0].Error)
	}
	b.cfg.Force = true
	expectStates(t, b.run(t.Context()), "done 0")
}

func TestInterrupt(t *testing.T) {
	b := setUp(t, "", "hang", "hang", "fine", "fine")
	b.cfg.Workers = 2
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for {
			begun, _ := filepath.Glob(filepath.Join(b.dir, StateFolder, "*.tmp", "secret"))
			if len(begun) == 2 {
				cancel()
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	s := b.run(ctx)
	expectStates(t, s, "interrupted 1, interrupted 1, waiting 1, waiting 1")
	if s.Status != 1 {
		t.Errorf("status %d", s.Status)
	}
	if left, _ := filepath.Glob(filepath.Join(b.dir, StateFolder, "*.tmp")); len(left) > 0 {
		t.Errorf("temporary files are left: %q", left)
	}
	put(t, b.dir, "m00.onnx", "fine")
	put(t, b.dir, "m01.onnx", "fine")
	expectStates(t, b.run(t.Context()), "done 0, done 0, done 0, done 0")
}

// TestTwoRuns lets two runs share the models of one manifest.
func TestTwoRuns(t *testing.T) {
	b := setUp(t, "", "slow 1", "slow 2", "slow 3", "slow 4", "slow 5", "slow 6")
	b.cfg.Workers = 2
	var wg sync.WaitGroup
	sums := make([]*Summary, 2)
	for i := range sums {
		wg.Go(func() { sums[i] = b.run(t.Context()) })
	}
	wg.Wait()
	for i := range 6 {
		pair := string(sums[0].Models[i].State) + " " + string(sums[1].Models[i].State)
		if pair != "done unchanged" && pair != "unchanged done" {
			t.Errorf("model %d: %s: it has to be done once", i, pair)
		}
	}
}
