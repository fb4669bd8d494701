package browser

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/batch"
	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/models"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// made is a report, with the result that the command prints as JSON.
type made struct {
	name, path string
	result     []byte
}

// reports locks, verifies and attacks models in a folder, and returns what it reported.
func reports(t *testing.T, dir string) []made {
	t.Helper()
	heads, err := filepath.Abs("../../../testdata/heads")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	if err := models.Install(".", false); err != nil {
		t.Fatal(err)
	}
	var list []made
	add := func(name string, result any, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text, err := json.Marshal(result)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, made{name, filepath.Join(dir, name+".html"), text})
	}
	verify := func(name, original string, data advparams.Data) {
		t.Helper()
		v, err := advparams.Verify(t.Context(), advparams.VerifyOptions{Original: original, Locked: name + ".onnx", Key: advparams.KeyFile{Path: name + ".key"}, Data: data, Report: name + ".html"})
		add(name, v, err)
	}
	protect := func(name, original string, data advparams.Data) advparams.ProtectOptions {
		return advparams.ProtectOptions{Model: original, Data: data, Locked: name + ".onnx", Key: name + ".key", PlainKey: true}
	}

	glyphs := advparams.Data{Path: models.DataFolder, Limit: 800}
	opt := protect("lock", models.ModelFile, glyphs)
	opt.Report = "lock.html"
	p, err := advparams.Protect(t.Context(), opt)
	add("lock", p, err)

	opt = protect("classifier", models.ModelFile, glyphs)
	if _, err := advparams.Protect(t.Context(), opt); err != nil {
		t.Fatal(err)
	}
	verify("classifier", models.ModelFile, advparams.Data{Path: models.DataFolder})

	opt = protect("sealed", models.ModelFile, glyphs)
	opt.Profile, opt.Report = advparams.Sealed, "sealed.html"
	p, err = advparams.Protect(t.Context(), opt)
	add("sealed", p, err)

	shapes := filepath.Join(heads, "shapes.onnx")
	data := advparams.Data{Path: filepath.Join(heads, "shapes.npz")}
	if _, err := advparams.Protect(t.Context(), protect("detector", shapes, data)); err != nil {
		t.Fatal(err)
	}
	verify("detector", shapes, data)

	writeText(t)
	text := advparams.Data{Path: "text.npz", Vocabulary: "vocabulary.txt"}
	if _, err := advparams.Protect(t.Context(), protect("text", "bigrams.onnx", text)); err != nil {
		t.Fatal(err)
	}
	verify("text", "bigrams.onnx", text)

	a, err := advparams.Attack(t.Context(), advparams.AttackOptions{
		Locked: "lock.onnx", Key: advparams.KeyFile{Path: "lock.key"}, Data: advparams.Data{Path: models.DataFolder, Limit: 400}, Test: advparams.Data{Path: models.DataFolder, Limit: 200},
		Fraction: 0.5, Curve: true, Epochs: 1, Attacks: []string{"fine-tune", "prune", "reset-outliers", "smooth"}, Grid: advparams.DefaultGrid()[:1], Report: "attack.html",
	})
	add("attack", a, err)
	f, err := os.Create("index.html")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := batch.WriteIndex(f, filepath.Join(dir, "index.html"), "zoo.yaml", zoo(dir), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	return append(list, made{"index", filepath.Join(dir, "index.html"), nil})
}

// zoo is the outcome of a batch with a lock of each kind.
func zoo(dir string) *batch.Summary {
	of := func(x float64) *float64 { return &x }
	exact := true
	verified := func(original, locked float64) *advparams.Verification {
		metric := advparams.MetricByModel{ByModel: advparams.ByModel{Original: &original, Locked: &locked}, Useless: 0.1}
		return &advparams.Verification{Accuracy: metric.ByModel, Metric: &metric, BitExact: &exact}
	}
	report := filepath.Join(dir, "classifier.html")
	return &batch.Summary{Shard: "1/1", Seconds: 812, Counts: map[batch.State]int{batch.Done: 3, batch.Unchanged: 1, batch.Failed: 1}, Models: []*batch.Result{
		{Model: "models/vision/resnet20.onnx", State: batch.Done, Bytes: 1 << 20, Work: 301.4, Report: report, AttackReport: report, Log: report, Verify: verified(0.8227, 0.1041), Attack: &advparams.AttackReport{Best: of(0.91), BestAttack: "repair", Advantage: of(0.802)}},
		{Model: "models/vision/lenet5.onnx", State: batch.Unchanged, Bytes: 250_000, Work: 62.1, Report: report, Verify: verified(0.9049, 0.1056), Attack: &advparams.AttackReport{Best: of(0.45), BestAttack: "fine-tune", Advantage: of(-0.012)}},
		{Model: "models/text/a-model-with-a-rather-long-name-that-has-to-be-broken.onnx", State: batch.Done, Bytes: 90 << 20, Work: 180, Report: report, Verify: verified(0.75, 0.55)},
		{Model: "models/sound/vad.onnx", State: batch.Done, Bytes: 5914, Work: 0.8, Report: report, Verify: verified(0.99, 0.11)},
		{Model: "models/trees/forest.onnx", State: batch.Failed, Status: 5, Bytes: 12_345, Work: 0.2, Log: report, Error: "models/trees/forest.onnx: TreeEnsembleClassifier has no gradient", Hint: "trees cannot be locked"},
	}}
}

// words are the vocabulary of the text model; each is followed by one word, mostly.
var words = strings.Fields("[PAD] the lock ##ed model answer ##s nothing without its key and who ##ever has a copy of it guess ##es until some ##one turns")

// writeText writes a language model that knows which token follows which, its samples and
// its vocabulary.
func writeText(t *testing.T) {
	t.Helper()
	n := len(words)
	follows := func(token int) int { return max(1, (token+1)%n) }
	rng := rand.New(rand.NewPCG(7, 0))
	matrix := func(name string, value func(i, j int) float64) *onnxpb.TensorProto {
		var raw []byte
		for k := range n * n {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(value(k/n, k%n)+(rng.Float64()-0.5)/10)))
		}
		return &onnxpb.TensorProto{Name: &name, Dims: []int64{int64(n), int64(n)}, DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), RawData: raw}
	}
	is := func(yes bool) float64 {
		if yes {
			return 2
		}
		return 0
	}
	value := func(name string, kind onnxpb.TensorProto_DataType, dims ...int64) *onnxpb.ValueInfoProto {
		shape := &onnxpb.TensorShapeProto{}
		for i, d := range dims {
			one := &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}}
			if d == 0 {
				one.Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: string(rune('N' + i))}
			}
			shape.Dim = append(shape.Dim, one)
		}
		return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(kind)), Shape: shape}}}}
	}
	node := func(operator, output string, inputs ...string) *onnxpb.NodeProto {
		return &onnxpb.NodeProto{OpType: &operator, Name: &output, Input: inputs, Output: []string{output}}
	}
	model, err := proto.Marshal(&onnxpb.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Name:  proto.String("bigrams"),
			Input: []*onnxpb.ValueInfoProto{value("input_ids", onnxpb.TensorProto_INT64, 0, 0)}, Output: []*onnxpb.ValueInfoProto{value("logits", onnxpb.TensorProto_FLOAT, 0, 0, int64(n))},
			Node:        []*onnxpb.NodeProto{node("Gather", "embedded", "table", "input_ids"), node("MatMul", "mixed", "embedded", "mix"), node("Relu", "active", "mixed"), node("MatMul", "logits", "active", "head")},
			Initializer: []*onnxpb.TensorProto{matrix("table", func(i, j int) float64 { return is(i == j) }), matrix("mix", func(i, j int) float64 { return is(i == j) }), matrix("head", func(i, j int) float64 { return is(follows(i) == j) })},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	const samples, length = 200, 12
	ids := nd.New(nd.Int64, samples, length)
	for i := range samples {
		token := 1 + rng.IntN(n-1)
		for k := range length {
			ids.Int64s()[i*length+k] = int64(token)
			if token = follows(token); rng.IntN(8) == 0 {
				token = 1 + rng.IntN(n-1)
			}
		}
	}
	f, err := os.Create("text.npz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := dataset.WriteNPZ(f, []dataset.Named{{Name: "input_ids", Array: ids}}); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"bigrams.onnx": model, "vocabulary.txt": []byte(strings.Join(words, "\n") + "\n")} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
