package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/internal/exitcode"
	"github.com/advparams/advparams/internal/shared"
	"github.com/advparams/advparams/nd"
)

// corpusModels are models of the shared corpus: real exports with random weights. The
// status is that of locking them with random samples and their own answers as labels.
var corpusModels = []struct {
	name   string
	status int
}{
	{"k_conv1d__k15", exitcode.Done}, {"k_conv1d__tf17", exitcode.Done}, {"k_LSTM__k15", exitcode.Done}, {"k_LSTM__tf17", exitcode.Done},
	{"my_audio1d__dyn", exitcode.Done}, {"my_audio1d__ts", exitcode.Done}, {"my_gru_cls__dyn", exitcode.Done}, {"my_gru_cls__ts", exitcode.Done},
	{"my_bilstm2_cls__dyn", exitcode.Done}, {"my_bilstm2_cls__ts", exitcode.Done}, {"my_tabular__dyn", exitcode.Done}, {"my_tabular__ts", exitcode.Done},
	{"hf_bert_cls__dyn", exitcode.Done}, {"hf_bert_cls__ts", exitcode.Done}, {"hf_distilbert_cls__dyn", exitcode.Done}, {"hf_distilbert_cls__ts", exitcode.Done},
	{"my_nn_transformer_enc__ts", exitcode.Done}, {"my_swin_v2_mini__ts", exitcode.Done}, {"tv_resnet18__ts", exitcode.Done},
}

// addShared copies models of the shared folder, if there is one, to the zoo in dir, and
// adds the statuses to expect to want. It returns entries for the manifest.
func addShared(t *testing.T, dir string, want map[string]int) string {
	t.Helper()
	var b strings.Builder
	if _, here := shared.Find(); !here {
		t.Log("without the models of ../shared, which is not here")
		return ""
	}
	for _, m := range corpusModels {
		archive := shared.Path(t, "corpus", m.name+".tar.xz")
		if out, err := exec.Command("tar", "-xJf", archive, "-C", dir).CombinedOutput(); err != nil {
			t.Fatalf("unpacking %s: %v %s", archive, err, out)
		}
		folder := filepath.Join(dir, m.name)
		if err := randomLike(filepath.Join(folder, "golden.npz"), filepath.Join(folder, "random.npz"), 48); err != nil {
			t.Fatal(err)
		}
		model := m.name + "/" + m.name + ".onnx"
		fmt.Fprintf(&b, "  - {path: %s, data: {path: %s/random.npz, labels: model}}\n", model, m.name)
		want[model] = m.status
	}
	for _, m := range []struct{ name, data, options string }{
		{"fmnist-lenet5", "fashion-mnist", "mean: [0.286], std: [0.353]"},
		{"fmnist-lenet5-dynamo", "fashion-mnist", "mean: [0.286], std: [0.353]"},
		{"fmnist-keras-cnn", "fashion-mnist", "limit: 100"},
		{"cifar10-resnet20", "cifar10", "mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616]"},
	} {
		text, err := os.ReadFile(shared.Path(t, "models", m.name+".onnx"))
		if err != nil {
			t.Fatal(err)
		}
		model := "reference/" + m.name + ".onnx"
		if err := os.MkdirAll(filepath.Join(dir, "reference"), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, model), text, 0o666); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "  - {path: %s, data: {path: %q, %s}, verify: {data: {limit: 200}}}\n", model, shared.Path(t, "data", m.data), m.options)
		want[model] = exitcode.Done
	}
	return b.String()
}

// randomLike writes n random samples with the names, types and shapes of the inputs in
// a golden file of the corpus. Integers are drawn from those in the file.
func randomLike(golden, path string, n int) error {
	file, err := dataset.ReadNPZ(golden)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(1, 1))
	var arrays []dataset.Named
	for _, key := range slices.Sorted(maps.Keys(file.Arrays)) { // the same samples each time
		like := file.Arrays[key]
		name, input := strings.CutPrefix(key, "in/")
		if !input {
			continue
		}
		a := nd.New(like.DType(), append([]int{n}, like.Shape[1:]...)...)
		switch like.DType() {
		case nd.Int64:
			for i := range a.Int64s() {
				a.Int64s()[i] = like.Int64s()[rng.IntN(like.Len())]
			}
		default:
			for i := range a.Float32s() {
				a.Float32s()[i] = float32(rng.NormFloat64())
			}
		}
		arrays = append(arrays, dataset.Named{Name: name, Array: a})
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return dataset.WriteNPZ(f, arrays)
}
