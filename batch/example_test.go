package batch_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/advparams/advparams/batch"
)

// Lock and verify the models of one shard with the advparams program on the PATH.
func Example() {
	ctx := context.Background()
	m, err := batch.Load("models.yaml")
	if err != nil {
		log.Fatal(err)
	}
	plan, err := m.Plan(ctx, nil) // nil: nothing is in object storage
	if err != nil {
		log.Fatal(err)
	}
	jobs := plan.Shard(batch.Shard{Index: 0, Count: 4})
	summary := batch.Run(ctx, jobs, batch.Config{
		Command: []string{"advparams"}, Tool: "v1.2.3", Resources: batch.Available(),
	})
	for _, r := range summary.Models {
		fmt.Println(r.Model, r.State, r.Error)
	}
}

// A plan shows what a manifest comes down to before anything is run.
func ExampleManifest_Plan() {
	dir, err := os.MkdirTemp("", "batch")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "models.yaml")
	err = os.WriteFile(path, []byte(`
version: 1
defaults:
  data: {path: images}
  seal: {plain: true}
  output: 'locked/{{.Stem}}.onnx'
models: [lenet.onnx, resnet.onnx]
`), 0o666)
	if err != nil {
		log.Fatal(err)
	}
	m, err := batch.Load(path)
	if err != nil {
		log.Fatal(err)
	}
	plan, err := m.Plan(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, job := range plan.Jobs {
		fmt.Println(filepath.Base(job.Model), "→", filepath.Base(job.Output), "and", filepath.Base(job.Key))
	}
	// Output:
	// lenet.onnx → lenet.onnx and lenet.key
	// resnet.onnx → resnet.onnx and resnet.key
}
