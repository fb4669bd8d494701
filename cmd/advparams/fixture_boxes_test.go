package main

import (
	"encoding/json"
	"fmt"
	"image"
	"os"
	"path/filepath"

	"github.com/advparams/advparams/dataset"
)

// writeBoxes writes the samples of the detector of testdata/heads as YOLO and as COCO have
// them: FOLDER/yolo/images/val, FOLDER/yolo/labels/val and FOLDER/yolo/data.yaml, and
// FOLDER/coco/val2017 and FOLDER/coco/annotations. Images are twice as wide as the model's
// input, with the sample in the middle, and the categories of COCO count in fives.
func writeBoxes(folder string) error {
	set, err := dataset.Open(filepath.Join(os.Getenv("HEADS"), "shapes.npz"), dataset.Spec{
		Inputs: []dataset.Input{{Name: "images", Shape: []int{-1, 1, 32, 32}}}, AnyLabels: true,
	})
	if err != nil {
		return err
	}
	batch, err := set.Batch(0, set.Len())
	if err != nil {
		return err
	}
	yolo, coco := filepath.Join(folder, "yolo"), filepath.Join(folder, "coco")
	images, labels := filepath.Join(yolo, "images", "val"), filepath.Join(yolo, "labels", "val")
	for _, f := range []string{images, labels, filepath.Join(coco, "annotations"), filepath.Join(coco, "val2017")} {
		if err := os.MkdirAll(f, 0o755); err != nil {
			return err
		}
	}
	names := []string{"square", "cross", "ring"}
	type object = map[string]any
	var list, annotations, categories []object
	for k, name := range names {
		categories = append(categories, object{"id": 5 + 5*k, "name": name})
	}
	pixels, truth := batch["images"].Float32s(), set.Truth(0, set.Len())
	for i := range set.Len() {
		img := image.NewGray(image.Rect(0, 0, 64, 32))
		for j := range 1024 {
			img.Pix[j/32*64+16+j%32] = byte(255*min(max(pixels[i*1024+j], 0), 1) + 0.5)
		}
		name := fmt.Sprintf("%03d", i)
		for _, path := range []string{filepath.Join(images, name+".png"), filepath.Join(coco, "val2017", name+".png")} {
			if err := writePNG(path, img); err != nil {
				return err
			}
		}
		list = append(list, object{"id": 1000 - i, "file_name": name + ".png", "width": 64, "height": 32})
		text := ""
		rows := truth.Shape[1]
		for k := range rows {
			o := truth.Float32s()[(i*rows+k)*5:][:5]
			if o[0] < 0 {
				continue
			}
			text += fmt.Sprintf("%d %.5f %.5f %.5f %.5f\n", int(o[0]), 0.25+o[1]/2, o[2], o[3]/2, o[4])
			annotations = append(annotations, object{
				"id": len(annotations), "image_id": 1000 - i, "category_id": 5 + 5*int(o[0]), "iscrowd": 0,
				"bbox": []float32{16 + 32*(o[1]-o[3]/2), 32 * (o[2] - o[4]/2), 32 * o[3], 32 * o[4]},
			})
		}
		if err := os.WriteFile(filepath.Join(labels, name+".txt"), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(yolo, "data.yaml"), []byte("path: .\nval: images/val\nnames: {0: square, 1: cross, 2: ring}\n"), 0o644); err != nil {
		return err
	}
	text, err := json.Marshal(object{"images": list, "annotations": annotations, "categories": categories})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(coco, "annotations", "instances_val2017.json"), text, 0o644)
}
