package dataset_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/nd"
)

func ExampleOpen() {
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "flowers.csv")
	if err := os.WriteFile(path, []byte("width,height,class\n1,2,rose\n3,4,iris\n5,6,rose\n"), 0o600); err != nil {
		log.Fatal(err)
	}

	set, err := dataset.Open(path, dataset.Spec{
		Inputs:  []dataset.Input{{Name: "features", Shape: []int{-1, 2}, DType: nd.Float32}},
		Classes: 2,
	})
	if err != nil {
		log.Fatal(err)
	}
	batch, err := set.Batch(1, 3)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(batch["features"].Shape, batch["features"].Data, set.Labels()[1:3])
	// Output: [2 2] [3 4 5 6] [0 1]
}
