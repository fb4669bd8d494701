package advparams_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/task"
	"github.com/advparams/advparams/verify/attack"
)

// locked is a regression, its locked version and its key in the working folder.
func locked(t *testing.T) (data advparams.Data, key advparams.KeyFile) {
	t.Helper()
	t.Chdir(t.TempDir())
	samples, err := measurements(200)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeRegression("model.onnx"); err != nil {
		t.Fatal(err)
	}
	data = advparams.Data{Samples: samples}
	if _, err := advparams.Protect(t.Context(), protectHere(data)); err != nil {
		t.Fatal(err)
	}
	return data, advparams.KeyFile{Path: "model.key"}
}

func protectHere(data advparams.Data) advparams.ProtectOptions {
	return advparams.ProtectOptions{
		Model: "model.onnx", Data: data, Locked: "locked.onnx", Key: "model.key", PlainKey: true,
		Created: time.Unix(1, 0).UTC(), Tool: "test",
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestWriters: writers get the bytes that files get, and a key can be read from one.
func TestWriters(t *testing.T) {
	data, _ := locked(t)
	var model, key, original, page bytes.Buffer
	opt := protectHere(data)
	opt.Locked, opt.Key, opt.LockedTo, opt.KeyTo = "", "", &model, &key
	p, err := advparams.Protect(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(model.Bytes(), read(t, "locked.onnx")) || int64(model.Len()) != p.LockedBytes {
		t.Error("the locked model is another one than in a file")
	}
	if int64(key.Len()) != p.KeyBytes || p.KeyBytes == 0 {
		t.Errorf("the key has %d bytes, not %d", key.Len(), p.KeyBytes)
	}
	if err := os.WriteFile("streamed.onnx", model.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	sidecar := bytes.NewReader(key.Bytes())
	u, err := advparams.Unlock(t.Context(), advparams.UnlockOptions{Locked: "streamed.onnx", Key: advparams.KeyFile{From: sidecar}, OutTo: &original})
	if err != nil || !bytes.Equal(original.Bytes(), read(t, "model.onnx")) || u.SHA256 != p.SHA256.Original {
		t.Errorf("unlocked to a writer: %+v, %v", u, err)
	}
	sidecar.Reset(key.Bytes())
	v, err := advparams.Verify(t.Context(), advparams.VerifyOptions{Locked: "streamed.onnx", Key: advparams.KeyFile{From: sidecar}, ReportTo: &page})
	if err != nil || v.BitExact == nil || !*v.BitExact || v.Page != "" || !bytes.Contains(page.Bytes(), []byte("<html")) {
		t.Errorf("%+v, %v, a report of %d bytes", v, err, page.Len())
	}
}

// TestSamples: samples in memory lock a model as those in a file do.
func TestSamples(t *testing.T) {
	data, _ := locked(t)
	inputs, err := data.Samples.Batch(0, data.Samples.Len())
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create("data.npz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	arrays := []dataset.Named{{Name: "x", Array: inputs["x"]}, {Name: "labels", Array: data.Samples.Truth(0, data.Samples.Len())}}
	if err := dataset.WriteNPZ(f, arrays); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{0, 50} {
		for _, seed := range []uint64{0, 4} {
			var models [2]bytes.Buffer
			for i, d := range []advparams.Data{{Path: "data.npz"}, {Samples: data.Samples}} {
				d.Limit, d.Seed = limit, &seed
				opt := protectHere(d)
				opt.LockedTo, opt.KeyTo = &models[i], &bytes.Buffer{}
				if _, err := advparams.Protect(t.Context(), opt); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(models[0].Bytes(), models[1].Bytes()) {
				t.Errorf("limit %d, seed %d: the locked models differ", limit, seed)
			}
		}
	}
}

// TestNoLabels: data without labels is an error that says where they are missing,
// unless the model answers.
func TestNoLabels(t *testing.T) {
	data, _ := locked(t)
	inputs, err := data.Samples.Batch(0, 50)
	if err != nil {
		t.Fatal(err)
	}
	unlabelled, err := dataset.FromArrays(inputs, "in memory")
	if err != nil {
		t.Fatal(err)
	}
	opt := advparams.VerifyOptions{Original: "model.onnx", Locked: "locked.onnx", Data: advparams.Data{Samples: unlabelled}}
	opt.Data.Labels = advparams.LabelsOfModel
	if v, err := advparams.Verify(t.Context(), opt); err != nil || v.Task != "outputs" || *v.Metric.Original != 1 {
		t.Errorf("a model of one number without labels: %+v, %v", v, err)
	}
	// A classifier's task follows from its outputs.
	model, folder := demo(t)
	opt = advparams.VerifyOptions{Locked: model, Data: advparams.Data{Path: folder, Limit: 20}}
	v, err := advparams.Verify(t.Context(), opt)
	if err != nil || v.Samples != 20 || v.Task != "classification" {
		t.Fatalf("%+v, %v", v, err)
	}
	pixels, err := dataset.FromArrays(map[string]nd.Array{"input": nd.New(nd.Float32, 3, 1, 28, 28)}, "black images")
	if err != nil {
		t.Fatal(err)
	}
	opt.Data = advparams.Data{Samples: pixels}
	var missing *advparams.NoLabelsError
	if _, err := advparams.Verify(t.Context(), opt); !errors.As(err, &missing) || missing.Data != "3 samples without labels black images" {
		t.Errorf("%v", err)
	}
	opt.Original, opt.Data.Labels = model, advparams.LabelsOfModel
	if v, err := advparams.Verify(t.Context(), opt); err != nil || *v.Accuracy.Locked != 1 {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestTarget: a search that misses its target writes nothing, or what it has.
func TestTarget(t *testing.T) {
	data, _ := locked(t)
	opt := protectHere(data)
	opt.MaxParams, opt.Locked, opt.Key = 1, "one.onnx", "one.key"
	p, err := advparams.Protect(t.Context(), opt)
	if p != nil || !errors.Is(err, advparams.ErrTarget) {
		t.Fatalf("%+v, %v", p, err)
	}
	if _, err := os.Stat("one.onnx"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("one.onnx: %v", err)
	}
	opt.AllowPartial = true
	p, err = advparams.Protect(t.Context(), opt)
	if p == nil || p.ParamsChanged != 1 || !errors.Is(err, advparams.ErrTarget) {
		t.Fatalf("%+v, %v", p, err)
	}
	read(t, "one.onnx")
}

// TestStopped: a search that is stopped writes what it has, if that is allowed, and says
// what stopped it.
func TestStopped(t *testing.T) {
	data, _ := locked(t)
	opt := protectHere(data)
	opt.Target, opt.Locked, opt.Key = 0.01, "best.onnx", "best.key"
	for _, allowed := range []bool{false, true} {
		ctx, stop := context.WithCancel(t.Context())
		opt.AllowPartial = allowed
		opt.Progress = func(p advparams.Progress) {
			if p.Stage == "searching" && p.Done > 0 && !strings.HasPrefix(p.Text, "0 changed") {
				stop()
			}
		}
		p, err := advparams.Protect(ctx, opt)
		if !errors.Is(err, context.Canceled) || (p != nil) != allowed {
			t.Fatalf("%+v, %v", p, err)
		}
		if _, err := os.Stat("best.onnx"); (err == nil) != allowed {
			t.Errorf("best.onnx: %v", err)
		}
		if allowed && (p.ParamsChanged < 1 || p.Stopped != "interrupted") {
			t.Errorf("%+v", p)
		}
	}
	opt.Locked, opt.Key, opt.Progress, opt.TimeLimit = "late.onnx", "late.key", nil, 1
	p, err := advparams.Protect(t.Context(), opt)
	var missed *advparams.TargetError
	if p != nil || !errors.As(err, &missed) || !errors.Is(missed.Stopped, context.DeadlineExceeded) {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := os.Stat("late.onnx"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("late.onnx: %v", err)
	}
}

// TestMismatch: files that do not go with the key are measured and reported, and
// are an error.
func TestMismatch(t *testing.T) {
	data, key := locked(t)
	if err := writeTextModel("other.onnx"); err != nil {
		t.Fatal(err)
	}
	v, err := advparams.Verify(t.Context(), advparams.VerifyOptions{Original: "model.onnx", Locked: "model.onnx", Key: key, Data: data})
	if !errors.Is(err, advparams.ErrMismatch) || v == nil || !*v.Tampered || *v.BitExact || v.Metric == nil {
		t.Errorf("not locked: %+v, %v", v, err)
	}
	v, err = advparams.Verify(t.Context(), advparams.VerifyOptions{Original: "other.onnx", Locked: "locked.onnx", Key: key})
	var original *advparams.NotOriginalError
	if !errors.As(err, &original) || !errors.Is(err, advparams.ErrMismatch) || v == nil || *v.Tampered || *v.BitExact {
		t.Errorf("another original: %+v, %v", v, err)
	}
	_, err = advparams.Attack(t.Context(), advparams.AttackOptions{Locked: "locked.onnx", Original: "other.onnx", Data: data, Test: data})
	if !errors.As(err, &original) || errors.Is(err, advparams.ErrMismatch) {
		t.Errorf("attack with another original: %v", err)
	}
	_, err = advparams.Unlock(t.Context(), advparams.UnlockOptions{Locked: "other.onnx", Key: key, Out: "out.onnx"})
	if !errors.Is(err, advparams.ErrMismatch) {
		t.Errorf("unlock another model: %v", err)
	}
}

// TestPassphrase: a passphrase seals, and none opens where nobody gives one. Each try is slow on
// purpose: the script passphrase of cmd/advparams tries the right one and a wrong one.
func TestPassphrase(t *testing.T) {
	if testing.Short() {
		t.Skip("passphrases are slow on purpose")
	}
	data, _ := locked(t)
	secret := func(text string) func() (string, error) { return func() (string, error) { return text, nil } }
	opt := protectHere(data)
	opt.Force, opt.KeepOldKey, opt.PlainKey, opt.Passphrase = true, true, false, secret("open sesame")
	if _, err := advparams.Protect(t.Context(), opt); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("nobody there")
	for _, c := range []struct {
		passphrase func() (string, error)
		want       error
	}{
		{nil, advparams.ErrIdentity}, {func() (string, error) { return "", refused }, refused},
	} {
		key := advparams.KeyFile{Path: "model.key", Passphrase: c.passphrase}
		_, err := advparams.Unlock(t.Context(), advparams.UnlockOptions{Locked: "locked.onnx", Key: key, Out: "out.onnx"})
		if !errors.Is(err, c.want) {
			t.Errorf("%v, want %v", err, c.want)
		}
	}
	i, err := advparams.Inspect(t.Context(), advparams.InspectOptions{Path: "model.key"})
	if err != nil || i.Key == nil || !i.Key.Sealed || i.Key.Content != nil || !slices.Equal(i.Key.Recipients, []string{"scrypt"}) {
		t.Errorf("%+v, %v", i, err)
	}
}

// TestCanceledBefore: nothing begins under a context that has ended.
func TestCanceledBefore(t *testing.T) {
	data, key := locked(t)
	before := list(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var to bytes.Buffer
	for name, run := range map[string]func() error{
		"Protect": func() error {
			o := protectHere(data)
			o.Locked, o.Key = "out.onnx", "out.key"
			_, err := advparams.Protect(ctx, o)
			return err
		},
		"Unlock": func() error {
			_, err := advparams.Unlock(ctx, advparams.UnlockOptions{Locked: "locked.onnx", Key: key, Out: "out.onnx"})
			return err
		},
		"Unlock in place": func() error {
			_, err := advparams.Unlock(ctx, advparams.UnlockOptions{Locked: "locked.onnx", Key: key, InPlace: true})
			return err
		},
		"Unlock to a writer": func() error {
			_, err := advparams.Unlock(ctx, advparams.UnlockOptions{Locked: "locked.onnx", Key: key, OutTo: &to})
			return err
		},
		"Verify": func() error {
			_, err := advparams.Verify(ctx, advparams.VerifyOptions{Locked: "locked.onnx", Key: key, ReportTo: &to})
			return err
		},
		"Attack": func() error {
			_, err := advparams.Attack(ctx, advparams.AttackOptions{Locked: "locked.onnx", Data: data, Test: data})
			return err
		},
		"Inspect": func() error {
			_, err := advparams.Inspect(ctx, advparams.InspectOptions{Path: "model.onnx"})
			return err
		},
		"Bench": func() error {
			_, err := advparams.Bench(ctx, advparams.BenchOptions{Model: "model.onnx"})
			return err
		},
	} {
		if err := run(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := list(t); !slices.Equal(before, after) || to.Len() > 0 {
		t.Errorf("files %q became %q, and %d bytes were written", before, after, to.Len())
	}
}

// TestCanceledWithin: a context that ends in any stage of a run ends the run, and
// no files are left.
func TestCanceledWithin(t *testing.T) {
	data, key := locked(t)
	before := list(t)
	for _, c := range []struct {
		name, stage string
		run         func(context.Context, func(advparams.Progress)) error
	}{
		{"Protect", "asking the model", func(ctx context.Context, see func(advparams.Progress)) error {
			o := protectHere(data)
			o.Locked, o.Key, o.Progress = "out.onnx", "out.key", see
			o.Data.Labels, o.Task = advparams.LabelsOfModel, task.Regression{}
			_, err := advparams.Protect(ctx, o)
			return err
		}},
		{"Protect", "searching", func(ctx context.Context, see func(advparams.Progress)) error {
			o := protectHere(data)
			o.Locked, o.Key, o.Progress = "out.onnx", "out.key", see
			_, err := advparams.Protect(ctx, o)
			return err
		}},
		{"Verify", "measuring original", func(ctx context.Context, see func(advparams.Progress)) error {
			o := advparams.VerifyOptions{Original: "model.onnx", Locked: "locked.onnx", Key: key, Data: data, Report: "out.html", Progress: see}
			_, err := advparams.Verify(ctx, o)
			return err
		}},
		{"Verify", "measuring locked", func(ctx context.Context, see func(advparams.Progress)) error {
			o := advparams.VerifyOptions{Locked: "locked.onnx", Key: key, Data: data, Report: "out.html", Progress: see}
			_, err := advparams.Verify(ctx, o)
			return err
		}},
		{"Attack", "fine-tune", func(ctx context.Context, see func(advparams.Progress)) error {
			o := advparams.AttackOptions{Locked: "locked.onnx", Data: data, Test: data, Fraction: 1, State: "out.json", Progress: see}
			_, err := advparams.Attack(ctx, o)
			return err
		}},
		{"Bench", "forward", func(ctx context.Context, see func(advparams.Progress)) error {
			_, err := advparams.Bench(ctx, advparams.BenchOptions{Model: "model.onnx", Progress: see})
			return err
		}},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		reached := false
		err := c.run(ctx, func(p advparams.Progress) {
			if p.Stage == c.stage {
				reached = true
				cancel()
			}
		})
		cancel()
		if !reached || !errors.Is(err, context.Canceled) {
			t.Errorf("%s, ended while %s: reached %v, %v", c.name, c.stage, reached, err)
		}
	}
	os.Remove("out.json") // notes are kept
	if after := list(t); !slices.Equal(before, after) {
		t.Errorf("files %q became %q", before, after)
	}
}

// TestProgress: stages follow one another and reach their ends, and notices are told.
func TestProgress(t *testing.T) {
	data, key := locked(t)
	var stages []string
	last := map[string]advparams.Progress{}
	see := func(p advparams.Progress) {
		if !slices.Contains(stages, p.Stage) { // the search goes on after it was judged
			stages = append(stages, p.Stage)
		}
		if p.Done > p.Total || p.Done < last[p.Stage].Done && p.Stage != "searching" { // which takes changes back
			t.Errorf("%+v after %+v", p, last[p.Stage])
		}
		last[p.Stage] = p
	}
	var notices []advparams.NoticeKind
	tell := func(n advparams.Notice) { notices = append(notices, n.Kind) }

	o := protectHere(data)
	o.Data.Labels, o.Task, o.Progress, o.Notice = advparams.LabelsOfModel, task.Regression{}, see, tell
	o.Force, o.KeepOldKey = true, true
	if _, err := advparams.Protect(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if _, err := advparams.Verify(t.Context(), advparams.VerifyOptions{Original: "model.onnx", Locked: "locked.onnx", Key: key, Data: data, Progress: see, Notice: tell}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("locked.onnx", []byte("scribbled over"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := advparams.Verify(t.Context(), advparams.VerifyOptions{Locked: "locked.onnx", Key: key, Notice: tell}); !errors.Is(err, advparams.ErrMismatch) {
		t.Fatal(err)
	}
	if want := []string{"asking the model", "searching", "judging on other samples", "measuring original", "measuring locked"}; !slices.Equal(stages, want) {
		t.Errorf("stages %q, want %q", stages, want)
	}
	for _, stage := range []string{"asking the model", "measuring original", "measuring locked"} {
		if p := last[stage]; p.Done != 200 || p.Total != 200 || p.Text != "200 of 200" {
			t.Errorf("ended with %+v", p)
		}
	}
	if want := []advparams.NoticeKind{advparams.NoticeData, advparams.NoticeTask, advparams.NoticeUnreadable}; !slices.Equal(notices, want) {
		t.Errorf("notices %v, want %v", notices, want)
	}
}

// TestJSON: what a command prints can be read into the same type again.
func TestJSON(t *testing.T) {
	data, key := locked(t)
	p, err := advparams.Protect(t.Context(), func() advparams.ProtectOptions {
		o := protectHere(data)
		o.Force, o.KeepOldKey = true, true
		return o
	}())
	if err != nil {
		t.Fatal(err)
	}
	v, err := advparams.Verify(t.Context(), advparams.VerifyOptions{Locked: "locked.onnx", Key: key, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	i, err := advparams.Inspect(t.Context(), advparams.InspectOptions{Path: "model.onnx"})
	if err != nil {
		t.Fatal(err)
	}
	if in := i.Model.Inputs[0]; len(in.Shape) != 2 || in.Shape[0].Name != "?" || in.Shape[1].Size != features {
		t.Errorf("%+v", in)
	}
	k, err := advparams.Inspect(t.Context(), advparams.InspectOptions{Path: "model.key", Secrets: true})
	if err != nil {
		t.Fatal(err)
	}
	if c := k.Key.Content; c.Tool != "test" || c.Created != "1970-01-01T00:00:01Z" || c.ParamsChanged != int64(p.ParamsChanged) || len(c.Changes) != len(p.Tensors) {
		t.Errorf("%+v", c)
	}
	for _, one := range []any{p, v, i.Model, k.Key} {
		text, err := json.Marshal(one)
		if err != nil {
			t.Fatal(err)
		}
		back := reflect.New(reflect.TypeOf(one).Elem()).Interface()
		if err := json.Unmarshal(text, back); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(back)
		if err != nil || !bytes.Equal(text, again) {
			t.Errorf("%s\nbecame %s, %v", text, again, err)
		}
	}
}

// list returns the names of the files in the working folder.
func list(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("*")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestAttack: attacks on samples in memory, with and without the original.
func TestAttack(t *testing.T) {
	data, key := locked(t)
	var told []string
	opt := advparams.AttackOptions{
		Locked: "locked.onnx", Data: data, Test: advparams.Data{Samples: data.Samples, Limit: 50},
		Fraction: 0.5, Attacks: []string{"fine-tune"}, Epochs: 1, Grid: attack.DefaultGrid()[:1],
		Notice: func(n advparams.Notice) { told = append(told, n.Text) },
	}
	r, err := advparams.Attack(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if s := r.Samples; s.Train+s.Validation != 100 || s.Test != 50 || r.Task != "regression" || r.Best == nil || r.Advantage == nil || r.Detectors != nil {
		t.Errorf("%+v", r)
	}
	if len(told) != 3 || !strings.HasPrefix(told[0], "the attacker has 50 % of 200 samples") || !strings.HasPrefix(told[1], "fine-tune: ") || !strings.HasPrefix(told[2], "scratch: ") {
		t.Errorf("told %q", told)
	}
	for _, known := range []advparams.AttackOptions{{Key: key}, {Original: "model.onnx"}} {
		opt.Key, opt.Original = known.Key, known.Original
		if r, err := advparams.Attack(t.Context(), opt); err != nil || r.Changed == 0 || len(r.Detectors) == 0 {
			t.Errorf("with the original: %+v, %v", r, err)
		}
	}
}

// TestGradients: a file and a writer get equal bytes, and a batch that does not fit is
// an error that names the array.
func TestGradients(t *testing.T) {
	locked(t)
	write := func(arrays ...dataset.Named) {
		t.Helper()
		f, err := os.Create("batch.npz")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := dataset.WriteNPZ(f, arrays); err != nil {
			t.Fatal(err)
		}
	}
	write(dataset.Named{Name: "x", Array: nd.New(nd.Float32, 3, features)})
	opt := advparams.GradientsOptions{Model: "model.onnx", Batch: "batch.npz", Out: "out.npz"}
	r, err := advparams.Gradients(t.Context(), opt)
	if err != nil || r.Outputs != 1 || r.Initializers != 4 {
		t.Fatalf("%+v, %v", r, err)
	}
	var out bytes.Buffer
	opt.Out, opt.OutTo = "", &out
	if _, err := advparams.Gradients(t.Context(), opt); err != nil || !bytes.Equal(out.Bytes(), read(t, "out.npz")) {
		t.Errorf("a writer gets other bytes, %v", err)
	}
	opt.Loss = advparams.CrossEntropyLoss
	for _, c := range []struct {
		array string
		named dataset.Named
	}{
		{"labels", dataset.Named{Name: "x", Array: nd.New(nd.Float32, 3, features)}},
		{"x", dataset.Named{Name: "y", Array: nd.New(nd.Float32, 3, features)}},
		{"x", dataset.Named{Name: "x", Array: nd.New(nd.Int64, 3, features)}},
	} {
		write(c.named)
		var batch *advparams.BatchError
		if _, err := advparams.Gradients(t.Context(), opt); !errors.As(err, &batch) || batch.Array != c.array || batch.Batch != "batch.npz" {
			t.Errorf("%v, want an error in array %s", err, c.array)
		}
	}
}
