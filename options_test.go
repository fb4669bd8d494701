package advparams_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/task"
)

// TestOptionErrors gives every function options that are wrong. Each is named, and
// nothing is written.
func TestOptionErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := writeRegression("model.onnx"); err != nil {
		t.Fatal(err)
	}
	samples, err := measurements(20)
	if err != nil {
		t.Fatal(err)
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	data := advparams.Data{Samples: samples}
	key := advparams.KeyFile{Path: "model.key"}
	protect := func(change func(*advparams.ProtectOptions)) func(context.Context) error {
		return func(ctx context.Context) error {
			o := advparams.ProtectOptions{Model: "model.onnx", Data: data, Locked: "locked.onnx", Key: "model.key", PlainKey: true}
			change(&o)
			_, err := advparams.Protect(ctx, o)
			return err
		}
	}
	unlock := func(o advparams.UnlockOptions) func(context.Context) error {
		return func(ctx context.Context) error { _, err := advparams.Unlock(ctx, o); return err }
	}
	verify := func(o advparams.VerifyOptions) func(context.Context) error {
		return func(ctx context.Context) error { _, err := advparams.Verify(ctx, o); return err }
	}
	attack := func(change func(*advparams.AttackOptions)) func(context.Context) error {
		return func(ctx context.Context) error {
			o := advparams.AttackOptions{Locked: "model.onnx", Data: data, Test: data}
			change(&o)
			_, err := advparams.Attack(ctx, o)
			return err
		}
	}
	gradients := func(o advparams.GradientsOptions) func(context.Context) error {
		return func(ctx context.Context) error { _, err := advparams.Gradients(ctx, o); return err }
	}
	bench := func(o advparams.BenchOptions) func(context.Context) error {
		return func(ctx context.Context) error { _, err := advparams.Bench(ctx, o); return err }
	}
	inspect := func(o advparams.InspectOptions) func(context.Context) error {
		return func(ctx context.Context) error { _, err := advparams.Inspect(ctx, o); return err }
	}
	for _, c := range []struct {
		name   string
		option string
		call   func(context.Context) error
	}{
		{"no model", "Model", protect(func(o *advparams.ProtectOptions) { o.Model = "" })},
		{"no data", "Data", protect(func(o *advparams.ProtectOptions) { o.Data = advparams.Data{} })},
		{"two sources", "Data", protect(func(o *advparams.ProtectOptions) { o.Data.Path = "x.npz" })},
		{"normalised samples", "Data", protect(func(o *advparams.ProtectOptions) { o.Data.Preprocess.Mean = []float32{1} })},
		{"limit", "Data.Limit", protect(func(o *advparams.ProtectOptions) { o.Data.Limit = -1 })},
		{"shape", "Data.Shape", protect(func(o *advparams.ProtectOptions) { o.Data.Shape = []int{1} })},
		{"labels", "Data.Labels", protect(func(o *advparams.ProtectOptions) { o.Data.Labels = "mine" })},
		{"made-up regression", "Task", protect(func(o *advparams.ProtectOptions) {
			o.Data, o.Task = advparams.Data{MadeUp: true}, task.Regression{}
		})},
		{"no place for the model", "Locked", protect(func(o *advparams.ProtectOptions) { o.Locked = "" })},
		{"no place for the key", "Key", protect(func(o *advparams.ProtectOptions) { o.Key = "" })},
		{"nobody", "Recipients", protect(func(o *advparams.ProtectOptions) { o.PlainKey = false })},
		{"plain and sealed", "Recipients", protect(func(o *advparams.ProtectOptions) {
			o.Recipients = []age.Recipient{identity.Recipient()}
		})},
		{"profile", "Profile", protect(func(o *advparams.ProtectOptions) { o.Profile = "odd" })},
		{"target", "Target", protect(func(o *advparams.ProtectOptions) { o.Target = 1 })},
		{"parameters", "MaxParams", protect(func(o *advparams.ProtectOptions) { o.MaxParams = -1 })},
		{"beam", "Beam", protect(func(o *advparams.ProtectOptions) { o.Beam = 65 })},
		{"samples", "Samples", protect(func(o *advparams.ProtectOptions) { o.Samples = -2 })},
		{"threads", "Threads", protect(func(o *advparams.ProtectOptions) { o.Threads = -1 })},
		{"include", "Include", protect(func(o *advparams.ProtectOptions) { o.Include = []string{"bn*"} })},
		{"output", "Output", protect(func(o *advparams.ProtectOptions) { o.Output = "z" })},
		{"no key", "Key", unlock(advparams.UnlockOptions{Locked: "model.onnx", Out: "out.onnx"})},
		{"no output", "Out", unlock(advparams.UnlockOptions{Locked: "model.onnx", Key: key})},
		{"two outputs", "Out", unlock(advparams.UnlockOptions{Locked: "model.onnx", Key: key, Out: "out.onnx", InPlace: true})},
		{"no locked model", "Locked", verify(advparams.VerifyOptions{Data: data})},
		{"nothing to verify", "Key", verify(advparams.VerifyOptions{Locked: "model.onnx"})},
		{"verify on inventions", "Data.MadeUp", verify(advparams.VerifyOptions{Locked: "model.onnx", Data: advparams.Data{MadeUp: true}})},
		{"nobody to ask", "Data.Labels", verify(advparams.VerifyOptions{
			Locked: "model.onnx", Data: advparams.Data{Samples: samples, Labels: advparams.LabelsOfModel},
		})},
		{"vectors of nothing", "Original", verify(advparams.VerifyOptions{Locked: "model.onnx", Data: data, Task: task.Embedding{}})},
		{"no test", "Test", attack(func(o *advparams.AttackOptions) { o.Test = advparams.Data{} })},
		{"fraction", "Fraction", attack(func(o *advparams.AttackOptions) { o.Fraction = 1.5 })},
		{"epochs", "Epochs", attack(func(o *advparams.AttackOptions) { o.Epochs = -1 })},
		{"time", "TimeLimit", attack(func(o *advparams.AttackOptions) { o.TimeLimit = -1 })},
		{"attack", "Attacks", attack(func(o *advparams.AttackOptions) { o.Attacks = []string{"bribe"} })},
		{"insider", "Attacks", attack(func(o *advparams.AttackOptions) { o.Attacks = []string{"partial-key"} })},
		{"test limit", "Test.Limit", attack(func(o *advparams.AttackOptions) { o.Test.Limit = -1 })},
		{"both originals", "Original", attack(func(o *advparams.AttackOptions) { o.Key, o.Original = key, "model.onnx" })},
		{"attack on vectors", "Task", attack(func(o *advparams.AttackOptions) { o.Task = task.Embedding{} })},
		{"loss", "Loss", gradients(advparams.GradientsOptions{Model: "model.onnx", Batch: "x.npz", Out: "out.npz", Loss: "odd"})},
		{"no gradients", "Out", gradients(advparams.GradientsOptions{Model: "model.onnx", Batch: "x.npz"})},
		{"repeat", "Repeat", bench(advparams.BenchOptions{Model: "model.onnx", Repeat: -1})},
		{"repeat for ever", "Repeat", bench(advparams.BenchOptions{Model: "model.onnx", Repeat: math.MaxInt})},
		{"shapes", "Shapes", bench(advparams.BenchOptions{Model: "model.onnx", Shapes: map[string][]int{"z": {1}}})},
		{"file", "Path", inspect(advparams.InspectOptions{})},
	} {
		var option *advparams.OptionError
		if err := c.call(t.Context()); !errors.As(err, &option) || option.Option != c.option {
			t.Errorf("%s: %v, want an error in %s", c.name, err, c.option)
		}
	}
	if files, err := filepath.Glob("*"); err != nil || len(files) != 1 {
		t.Errorf("files left behind: %q, %v", files, err)
	}
}

// TestOpenAxes: an input of which the shape is not known is named, in an error that
// is one in the options as well.
func TestOpenAxes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "text.onnx")
	if err := writeTextModel(path); err != nil {
		t.Fatal(err)
	}
	_, err := advparams.Bench(t.Context(), advparams.BenchOptions{Model: path})
	var axes *advparams.OpenAxesError
	var option *advparams.OptionError
	if !errors.As(err, &axes) || axes.Input != "text" || !errors.As(err, &option) || option.Option != "Shapes" {
		t.Errorf("%v", err)
	}
	r, err := advparams.Bench(t.Context(), advparams.BenchOptions{
		Model: path, Shapes: map[string][]int{"text": {2, 5}}, Vocabulary: letters, Repeat: 1, Threads: 1,
	})
	if err != nil || r.Batch != 2 || r.Repeat != 1 || r.Forward.Median <= 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestLargeInputs: a model does not decide that a benchmark takes gigabytes.
func TestLargeInputs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := writeModel(path, &onnxpb.GraphProto{
		Input:  []*onnxpb.ValueInfoProto{value("x", onnxpb.TensorProto_FLOAT, 1<<33, 6)},
		Output: []*onnxpb.ValueInfoProto{value("y", onnxpb.TensorProto_FLOAT, 0, 6)},
		Node:   []*onnxpb.NodeProto{node("Relu", "y", "x")},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := advparams.Bench(t.Context(), advparams.BenchOptions{Model: path}); !errors.Is(err, gradient.ErrMemory) {
		t.Errorf("%v, want ErrMemory", err)
	}
}

// TestMemoryOption: what a small model asks for is bounded, and Memory raises the bound.
func TestMemoryOption(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.onnx")
	s := &onnxpb.TensorProto{Name: proto.String("s"), DataType: proto.Int32(int32(onnxpb.TensorProto_INT64)), Dims: []int64{2}, Int64Data: []int64{700, 700}}
	if err := writeModel(path, &onnxpb.GraphProto{
		Input:       []*onnxpb.ValueInfoProto{value("x", onnxpb.TensorProto_FLOAT, 0, 1)},
		Output:      []*onnxpb.ValueInfoProto{value("y", onnxpb.TensorProto_FLOAT, 0, 700)},
		Initializer: []*onnxpb.TensorProto{s},
		Node:        []*onnxpb.NodeProto{node("Expand", "a", "x", "s"), node("MatMul", "b", "a", "a"), node("ReduceSum", "c", "b"), node("Add", "y", "x", "c")},
	}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		memory int64
		want   error
	}{{0, nil}, {1 << 20, advparams.ErrLimit}, {-1, &advparams.OptionError{}}} {
		_, err := advparams.Bench(t.Context(), advparams.BenchOptions{Model: path, Batch: 1, Repeat: 1, Threads: 1, Memory: c.memory})
		var option *advparams.OptionError
		if ok := errors.Is(err, c.want) || errors.As(err, &option) && option.Option == "Memory" && c.memory < 0; !ok {
			t.Errorf("%d: %v, want %v", c.memory, err, c.want)
		}
	}
}

// TestExists: an output that exists is found before any work, and only Force
// replaces it.
func TestExists(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := writeRegression("model.onnx"); err != nil {
		t.Fatal(err)
	}
	samples, err := measurements(100)
	if err != nil {
		t.Fatal(err)
	}
	opt := advparams.ProtectOptions{
		Model: "model.onnx", Data: advparams.Data{Samples: samples}, Locked: "locked.onnx", Key: "model.key", PlainKey: true,
		Progress: func(p advparams.Progress) { t.Errorf("%s before outputs were checked", p.Stage) },
	}
	for _, name := range []string{"locked.onnx", "model.key"} {
		if err := os.WriteFile(name, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := advparams.Protect(t.Context(), opt); !errors.Is(err, advparams.ErrExists) {
			t.Errorf("%s exists: %v", name, err)
		}
		if text, err := os.ReadFile(name); err != nil || !bytes.Equal(text, []byte("mine")) {
			t.Errorf("%s is %q, %v", name, text, err)
		}
	}
	opt.Force = true
	if _, err := advparams.Protect(t.Context(), opt); !errors.Is(err, advparams.ErrExists) {
		t.Errorf("a key with Force: %v", err)
	}
	opt.KeepOldKey, opt.Progress = true, nil
	p, err := advparams.Protect(t.Context(), opt)
	if err != nil || p.OldKey != "model.key.1" {
		t.Fatalf("KeepOldKey: %+v, %v", p, err)
	}
	if text, err := os.ReadFile(p.OldKey); err != nil || string(text) != "mine" {
		t.Errorf("the old key is %q, %v", text, err)
	}
}

// TestNoWeights: what training has made nothing of is refused, whatever the data.
func TestNoWeights(t *testing.T) {
	t.Chdir(t.TempDir())
	err := writeModel("model.onnx", &onnxpb.GraphProto{
		Input:  []*onnxpb.ValueInfoProto{value("x", onnxpb.TensorProto_FLOAT, 0, 4)},
		Output: []*onnxpb.ValueInfoProto{value("y", onnxpb.TensorProto_FLOAT, 0, 4)},
		Node:   []*onnxpb.NodeProto{node("Mul", "scaled", "x", "two"), node("Sigmoid", "y", "scaled")},
		Initializer: []*onnxpb.TensorProto{
			tensor("two", []float32{2}),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, profile := range []advparams.Profile{advparams.Minimal, advparams.Sealed} {
		opt := protectHere(advparams.Data{MadeUp: profile == advparams.Minimal})
		opt.Profile = profile
		_, err := advparams.Protect(t.Context(), opt)
		if e, ok := errors.AsType[*advparams.NoWeightsError](err); !ok || e.Model != "model.onnx" || e.List != "" || !errors.Is(err, advparams.ErrUnsupported) {
			t.Errorf("%v: %v", profile, err)
		}
	}
}

// TestLinear: the weights of a linear model are attributes, which only the profile Sealed changes.
func TestLinear(t *testing.T) {
	t.Chdir(t.TempDir())
	linear := node("LinearRegressor", "y", "x")
	linear.Domain = proto.String("ai.onnx.ml")
	linear.Attribute = []*onnxpb.AttributeProto{{Name: proto.String("coefficients"), Floats: []float32{1, -2, 3, 0.5}, Type: onnxpb.AttributeProto_FLOATS.Enum()}}
	err := writeModel("model.onnx", &onnxpb.GraphProto{
		Input:  []*onnxpb.ValueInfoProto{value("x", onnxpb.TensorProto_FLOAT, 0, 4)},
		Output: []*onnxpb.ValueInfoProto{value("y", onnxpb.TensorProto_FLOAT, 0, 1)},
		Node:   []*onnxpb.NodeProto{linear},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = advparams.Protect(t.Context(), protectHere(advparams.Data{MadeUp: true}))
	if e, ok := errors.AsType[*advparams.NoWeightsError](err); !ok || e.List != "y.coefficients" {
		t.Errorf("%v", err)
	}
	opt := protectHere(advparams.Data{})
	opt.Profile = advparams.Sealed
	if p, err := advparams.Protect(t.Context(), opt); err != nil || p.ParamsChanged != 4 {
		t.Errorf("%v, %v", p, err)
	}
}
