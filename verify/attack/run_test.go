package attack

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/hint"
)

// quick are options for tests that are not about how well training does.
func quick() Options {
	return Options{Epochs: 1, Grid: []Optimiser{{Rule: "adam", Rate: 0.002}}, Seed: 3}
}

func find(t *testing.T, r *Report, name string) Result {
	t.Helper()
	for _, one := range r.Attacks {
		if one.Name == name {
			return one
		}
	}
	t.Fatalf("no attack %s in the report", name)
	return Result{}
}

// TestMinimalLockFalls shows what a lock of few changes is worth against
// somebody with data: next to nothing.
func TestMinimalLockFalls(t *testing.T) {
	if testing.Short() {
		t.Skip("trains")
	}
	lock, original, train, test := locked(t, 160)
	weights, err := gradient.LoadWeights(original)
	if err != nil {
		t.Fatal(err)
	}
	opt := quick()
	opt.Batch = 8
	opt.Attacks = []string{"fine-tune", "repair", "partial-key"}
	opt.Original = weights
	r, err := Run(context.Background(), lock, train, test, opt)
	if err != nil {
		t.Fatal(err)
	}
	if r.Locked > 0.15 {
		t.Errorf("the locked model is right on %.3f", r.Locked)
	}
	if one := find(t, r, "fine-tune"); one.Accuracy < r.Locked+0.1 {
		t.Errorf("fine-tuning: %.3f, locked %.3f", one.Accuracy, r.Locked)
	}
	if one := find(t, r, "repair"); one.Accuracy < 0.8 {
		t.Errorf("repair: %.3f", one.Accuracy)
	}
	insider := find(t, r, "partial-key")
	best := find(t, r, "fine-tune")
	if one := find(t, r, "repair"); one.validated().better(best.validated()) {
		best = one
	}
	if !insider.Insider || insider.Control != nil || r.Best == nil || *r.Best != best.Accuracy || r.BestAttack != best.Name {
		t.Errorf("best attack %v", r.Best)
	}
	zero := ZeroLine{Scratch, r.Scratch.Setting, r.Scratch.Accuracy, r.Scratch.Validation, r.Scratch.Loss}
	if c := find(t, r, "fine-tune").Control; c.validated().better(r.Scratch.validated()) {
		zero = ZeroLine{"fine-tune", c.Setting, c.Accuracy, c.Validation, c.Loss}
	}
	if diff := cmp.Diff(&zero, r.Zero); diff != "" || r.Advantage == nil || *r.Advantage != *r.Best-zero.Accuracy || *r.Advantage < 0.3 {
		t.Errorf("advantage %v; zero line %s", *r.Advantage, diff)
	}
	if r.Samples != (Samples{Train: 144, Validation: 16, Test: 400}) {
		t.Errorf("samples %+v", r.Samples)
	}
}

// TestResume interrupts the attacks and goes on, which gives what a run in one
// go gives.
func TestResume(t *testing.T) {
	m, train, test := intact(t, 80)
	run := func(opt Options) *Report {
		t.Helper()
		r, err := Run(context.Background(), m, train, test, opt)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	path := filepath.Join(t.TempDir(), "state.json")
	opt := quick()
	opt.Attacks = []string{"fine-tune-last", "prune", "reset-extremes"}
	whole := run(opt)

	opt.State = path
	ctx, cancel := context.WithCancel(context.Background())
	opt.Progress = func(p Progress) {
		if p.Result != nil && p.Attack == "fine-tune-last" {
			cancel()
		}
	}
	if _, err := Run(ctx, m, train, test, opt); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	var begun []string
	opt.Progress = func(p Progress) {
		if p.Result == nil && p.Done == 0 {
			begun = append(begun, p.Attack)
		}
	}
	rest := run(opt)
	if diff := cmp.Diff([]string{"prune", "scratch"}, begun); diff != "" {
		t.Errorf("attacks carried out after the interruption:\n%s", diff)
	}
	for _, r := range []*Report{whole, rest} {
		r.Scratch.Seconds = 0
		for i := range r.Attacks {
			r.Attacks[i].Seconds = 0
			if c := r.Attacks[i].Control; c != nil {
				c.Seconds = 0
			}
		}
	}
	if diff := cmp.Diff(whole, rest); diff != "" {
		t.Errorf("in one go and interrupted:\n%s", diff)
	}

	opt.Seed++
	if _, err := Run(context.Background(), m, train, test, opt); err == nil || hint.Of(err) == "" || !strings.Contains(err.Error(), "other settings") {
		t.Errorf("the notes of another run: %v", err)
	}
	for _, content := range []string{"", "{}", "not JSON", `{"version":99}`} {
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Run(context.Background(), m, train, test, opt); err == nil || hint.Of(err) == "" {
			t.Errorf("notes %q: %v", content, err)
		}
	}
}

// TestTimeLimit ends the attacks when cheap ones have been finished, and before.
func TestTimeLimit(t *testing.T) {
	m, train, test := intact(t, 80)
	opt := quick()
	opt.Attacks, opt.Epochs = []string{"fine-tune", "prune", "reset-extremes"}, 2
	opt.TimeLimit = time.Nanosecond
	_, err := Run(context.Background(), m, train, test, opt)
	var unfinished *UnfinishedError
	if !errors.As(err, &unfinished) || unfinished.Limit != opt.TimeLimit || !errors.Is(err, ErrUnfinished) || hint.Of(err) == "" {
		t.Errorf("no time at all: %v", err)
	}

	opt.State = filepath.Join(t.TempDir(), "state.json")
	ctx, cancel := context.WithCancel(context.Background())
	var order []string
	opt.TimeLimit = 0
	opt.Progress = func(p Progress) {
		if p.Result == nil && p.Done == 0 {
			order = append(order, p.Attack)
		}
		if p.Attack == "fine-tune" {
			cancel()
		}
	}
	if _, err := Run(ctx, m, train, test, opt); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"reset-extremes", "prune", "fine-tune"}, order); diff != "" {
		t.Errorf("cheap attacks come first: %s", diff)
	}
	opt.TimeLimit, opt.Progress = time.Nanosecond, nil
	r, err := Run(context.Background(), m, train, test, opt)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"scratch", "fine-tune"}, r.Unfinished); diff != "" {
		t.Errorf("unfinished: %s", diff)
	}
	if len(r.Attacks) != 2 || r.Attacks[0].Name != "prune" || r.Best == nil || r.Zero != nil || r.Advantage != nil {
		t.Errorf("report %+v", r)
	}
	data, err := json.Marshal(r)
	if err != nil || !strings.Contains(string(data), `"advantage":null`) || !strings.Contains(string(data), `"zero_line":null`) {
		t.Errorf("%s, %v", data, err)
	}
}

// TestConclude chooses by validation samples, whatever the test says.
func TestConclude(t *testing.T) {
	r := &Report{Unfinished: []string{"repair", "smooth"}}
	for _, one := range []Result{
		{Name: "partial-key", Validation: 1, Accuracy: 1},
		{Name: "batchnorm", Validation: 0.6, Accuracy: 0.9, Control: &Result{Setting: "x", Validation: 0.55, Accuracy: 0.5, Loss: 2}},
		{Name: "fine-tune", Validation: 0.7, Accuracy: 0.8, Control: &Result{Setting: "y", Validation: 0.3, Accuracy: 0.95}},
		{Name: "prune", Validation: 0.7, Loss: 1, Accuracy: 0.99},
		{Name: Scratch, Validation: 0.55, Loss: 3, Accuracy: 0.6, Setting: "z"},
	} {
		r.add(attack{name: one.Name}, one)
	}
	r.conclude()
	if r.Attacks[0].Name != "fine-tune" || r.Attacks[3].Name != "partial-key" || r.Unfinished[0] != "smooth" {
		t.Errorf("order %+v, %v", r.Attacks, r.Unfinished)
	}
	if diff := cmp.Diff(&ZeroLine{"batchnorm", "x", 0.5, 0.55, 2}, r.Zero); diff != "" || r.BestAttack != "fine-tune" || *r.Best != 0.8 || math.Abs(*r.Advantage-0.3) > 1e-12 {
		t.Errorf("best %s, zero line %s", r.BestAttack, diff)
	}
}

// TestSelection leaves out settings, and takes a known yardstick.
func TestSelection(t *testing.T) {
	m, train, test := intact(t, 80)
	opt := quick()
	opt.Attacks = []string{"prune", "smooth"}
	opt.Settings = func(attack, setting string) bool { return attack == "prune" && setting == "50 % pruned" }
	opt.Scratch = &Result{Name: Scratch, Accuracy: 0.25}
	r, err := Run(context.Background(), m, train, test, opt)
	if err != nil {
		t.Fatal(err)
	}
	if one := find(t, r, "prune"); len(r.Attacks) != 1 || len(one.Settings) != 1 || one.Setting != "50 % pruned" {
		t.Errorf("%+v", r.Attacks)
	}
	if r.Advantage == nil || *r.Advantage != *r.Best-0.25 {
		t.Errorf("advantage %v of %v", r.Advantage, *r.Best)
	}
}

func TestRefusals(t *testing.T) {
	m, train, test := intact(t, 60)
	ctx := context.Background()
	for _, c := range []struct {
		name string
		opt  Options
		want string
	}{
		{"unknown attack", Options{Attacks: []string{"bribe"}}, `no attack "bribe"`},
		{"no key", Options{Attacks: []string{"partial-key"}}, "needs the key"},
		{"validation", Options{Validation: 1}, "out of range"},
		{"epochs", Options{Epochs: -1}, "out of range"},
	} {
		if _, err := Run(ctx, m, train, test, c.opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := Run(ctx, m, train.Subset([]int{0, 1}), test, Options{}); err == nil || !strings.Contains(err.Error(), "too few") {
		t.Errorf("two samples: %v", err)
	}
}

func TestList(t *testing.T) {
	for _, name := range List() {
		if About(name) == "" {
			t.Errorf("%s is not described", name)
		}
	}
	if List()[0] != Scratch || About("bribe") != "" {
		t.Error("training from scratch comes first, and nothing is said of what is not there")
	}
}
