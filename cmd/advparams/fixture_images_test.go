package main

import (
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/models"
)

// writeGlyphs writes the first n samples of the demo's data as an image folder. The names of
// its class folders have the opposite order of the classes; FILE.txt beside it lists them as
// the classes are.
func writeGlyphs(folder string, n int) error {
	temp, err := os.MkdirTemp("", "glyphs")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if err := models.Install(temp, true); err != nil {
		return err
	}
	set, err := dataset.Open(filepath.Join(temp, "data"), dataset.Spec{
		Inputs: []dataset.Input{{Name: "x", Shape: []int{-1, 1, 28, 28}}}, Split: dataset.Train, Limit: n, NeedLabels: true,
	})
	if err != nil {
		return err
	}
	batch, err := set.Batch(0, set.Len())
	if err != nil {
		return err
	}
	pixels, names := batch["x"].Float32s(), ""
	for class := range models.Classes() {
		names += fmt.Sprintf("%c\n", 'z'-class)
	}
	for i, class := range set.Labels() {
		img := image.NewGray(image.Rect(0, 0, 28, 28))
		for j := range img.Pix {
			img.Pix[j] = byte(255*pixels[i*784+j] + 0.5)
		}
		path := filepath.Join(folder, fmt.Sprintf("%c", 'z'-class), fmt.Sprintf("%d.png", i))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := writePNG(path, img); err != nil {
			return err
		}
	}
	return os.WriteFile(folder+".txt", []byte(names), 0o644)
}

func writePNG(path string, img image.Image) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := png.Encode(f, img); err != nil {
		return err
	}
	return f.Close()
}
