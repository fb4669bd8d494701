package perturb_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/models"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/perturb"
)

// Find the few parameters whose change makes a classifier useless.
func ExampleSearch() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := models.Install(dir, false); err != nil {
		log.Fatal(err)
	}
	m, err := onnxio.Open(filepath.Join(dir, models.ModelFile))
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	samples, err := dataset.Open(filepath.Join(dir, models.DataFolder), dataset.Spec{
		Inputs:  []dataset.Input{{Name: "input", Shape: []int{-1, 1, 28, 28}, DType: nd.Float32}},
		Classes: 16, Split: dataset.Train, Limit: 500, NeedLabels: true,
	})
	if err != nil {
		log.Fatal(err)
	}

	result, err := perturb.Search(context.Background(), m, samples, perturb.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d of %d parameters\n", len(result.Changes), result.Total)
	// Write the locked model with m.Rewrite and result.Edits().

	// Output: 1 of 45200 parameters
}
