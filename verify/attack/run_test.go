package attack

import (
	"context"
	"encoding/json"
	"errors"
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
	if !insider.Insider || r.Best == nil || *r.Best != max(find(t, r, "fine-tune").Accuracy, find(t, r, "repair").Accuracy) {
		t.Errorf("best attack %v", r.Best)
	}
	if r.Scratch == nil || r.Advantage == nil || *r.Advantage != *r.Best-r.Scratch.Accuracy {
		t.Errorf("advantage %v", r.Advantage)
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
	if diff := cmp.Diff([]string{"prune", "reset-extremes"}, begun); diff != "" {
		t.Errorf("attacks carried out after the interruption:\n%s", diff)
	}
	for _, r := range []*Report{whole, rest} {
		r.Scratch.Seconds = 0
		for i := range r.Attacks {
			r.Attacks[i].Seconds = 0
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

func TestTimeLimit(t *testing.T) {
	m, train, test := intact(t, 80)
	opt := quick()
	opt.Attacks = []string{"prune"}
	opt.TimeLimit = time.Nanosecond
	r, err := Run(context.Background(), m, train, test, opt)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"scratch", "prune"}, r.Unfinished); diff != "" || r.Advantage != nil || len(r.Attacks) != 0 {
		t.Errorf("unfinished: %s; report %+v", diff, r)
	}
	data, err := json.Marshal(r)
	if err != nil || !strings.Contains(string(data), `"advantage":null`) || !strings.Contains(string(data), `"attacks":[]`) {
		t.Errorf("%s, %v", data, err)
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
		t.Error("the yardstick comes first, and nothing is said of what is not there")
	}
}
