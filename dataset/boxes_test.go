package dataset

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// lay writes files below a new folder. The content of an image is its size, as 20x10.
func lay(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		data := []byte(content)
		if isImage(name) && content != "" {
			var w, h int
			fmt.Sscanf(content, "%dx%d", &w, &h)
			var b bytes.Buffer
			if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, w, h))); err != nil {
				t.Fatal(err)
			}
			data = b.Bytes()
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

var boxedInput = []Input{{Name: "x", Shape: []int{-1, 3, 40, 40}}}

// boxesOf returns the labels of a set, a row an object, without padding.
func boxesOf(s *Set) (rows [][]float64) {
	y := s.Truth(0, s.Len())
	x := y.Float32s()
	for i := 0; i < len(x); i += 5 {
		if x[i] == -1 {
			continue
		}
		row := []float64{float64(i / 5 / y.Shape[1])}
		for _, v := range x[i : i+5] {
			row = append(row, math.Round(float64(v)*1e4)/1e4)
		}
		rows = append(rows, row)
	}
	return rows
}

const coco = `{"info":{"x":[1,{"y":2}]},"categories":[{"id":7,"name":"dog"},{"id":3,"name":"cat"}],
"images":[{"id":9,"file_name":"b.png","width":20,"height":40},{"id":4,"file_name":"a.png","width":20,"height":10}],
"annotations":[{"id":1,"image_id":4,"category_id":7,"bbox":[5,2,10,4],"iscrowd":0,"segmentation":[[1,2,3,4,5,6]]},
{"id":2,"image_id":9,"category_id":3,"bbox":[0,10,20,20],"iscrowd":1}]}`

// TestBoxes: boxes move with their images. a.png is 20×10 and becomes 40×20 with a border of
// 10 above, b.png is 20×40 and gets a border of 10 on the left.
func TestBoxes(t *testing.T) {
	letterbox := [][]float64{{0, 1, 0.5, 0.45, 0.5, 0.2}, {1, 0, 0.5, 0.5, 0.5, 0.5}}
	crowd := [][]float64{letterbox[0], {1, -2, 0.5, 0.5, 0.5, 0.5}}
	yolo := map[string]string{"a": "1 0.5 0.4 0.5 0.4\n\n1 0.5 0.4 0.5 0.4\n", "b": "0 0 0.25 1 0.25 1 0.75 0.5 0.75\n"}
	images := map[string]string{"a.png": "20x10", "b.png": "20x40"}
	at := func(folder, labels string, more ...string) map[string]string {
		files := map[string]string{}
		for name, size := range images {
			files[folder+name] = size
			if labels != "" {
				files[labels+stem(name)+".txt"] = yolo[stem(name)]
			}
		}
		for i := 0; i < len(more); i += 2 {
			files[more[i]] = more[i+1]
		}
		return files
	}
	for _, tt := range []struct {
		name  string
		files map[string]string
		path  string
		spec  Spec
		want  [][]float64
	}{
		{"yolo", at("images/", "labels/", "classes.txt", "cat\ndog\n"), "", Spec{}, letterbox},
		{"splits inside", at("images/val/", "labels/val/"), "", Spec{}, letterbox},
		{"with a year", at("images/val2017/", "labels/val2017/"), "", Spec{Split: Test}, letterbox},
		{"splits outside", at("valid/images/", "valid/labels/", "data.yaml", "names: [cat, dog]\ntrain: ../train/images"), "", Spec{}, letterbox},
		{"side by side", at("", ""), "", Spec{}, nil},
		{"nested", at("images/train/x/", "labels/train/x/"), "", Spec{DefaultSplit: Train}, letterbox},
		{"yaml", at("d/images/t/", "d/labels/t/", "y/data.yaml", "path: ../d\nval: images/t\nnames: {0: cat, 1: dog}"), "y/data.yaml", Spec{}, letterbox},
		{"roboflow", at("valid/images/", "valid/labels/", "data.yaml", "val: ../valid/images\nnames: [cat, dog]"), "data.yaml", Spec{Split: Test}, letterbox},
		{"another order of classes", at("images/", "labels/", "data.yaml", "names: [cat, dog]"), "", Spec{Preprocess: Preprocess{ClassNames: []string{"dog", "cow", "cat"}}},
			[][]float64{{0, 0, 0.5, 0.45, 0.5, 0.2}, {1, 2, 0.5, 0.5, 0.5, 0.5}}},
		{"stretched", at("images/", "labels/"), "", Spec{Preprocess: Preprocess{Resize: InputSize}}, [][]float64{{0, 1, 0.5, 0.4, 0.5, 0.4}, {1, 0, 0.5, 0.5, 1, 0.5}}},
		// The middle 10×10 of a, enlarged four times, shows the whole height.
		{"cropped", at("images/", "labels/"), "", Spec{Limit: 1, Preprocess: Preprocess{CropPct: 1}}, [][]float64{{0, 1, 0.5, 0.4, 1, 0.4}}},
		{"coco", at("images/", "", "instances_val2017.json", coco), "", Spec{}, crowd[:]},
		{"coco file", at("val2017/", "", "annotations/instances_val2017.json", coco), "annotations/instances_val2017.json", Spec{}, crowd},
		{"coco splits", at("val2017/", "", "annotations/instances_val2017.json", coco, "annotations/instances_train2017.json", "{}"), "", Spec{Split: Test}, crowd},
		{"coco beside", at("valid/", "", "valid/_annotations.coco.json", coco), "", Spec{}, crowd},
		{"coco by name", at("data/", "", "labels.json", coco), "", Spec{Preprocess: Preprocess{ClassNames: []string{"dog", "cat"}}},
			[][]float64{{0, 0, 0.5, 0.45, 0.5, 0.2}, {1, -3, 0.5, 0.5, 0.5, 0.5}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == nil {
				tt.files, tt.want = at("", "", "a.txt", yolo["a"], "b.txt", yolo["b"]), letterbox
			}
			tt.spec.Inputs = boxedInput
			s, err := Open(filepath.Join(lay(t, tt.files), tt.path), tt.spec)
			if err != nil {
				t.Fatal(err)
			}
			if got := boxesOf(s); fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("labels %v, want %v", got, tt.want)
			}
			if x, err := s.Batch(0, s.Len()); err != nil || !slices.Equal(x["x"].Shape, []int{s.Len(), 3, 40, 40}) {
				t.Errorf("images %v, %v", x["x"].Shape, err)
			}
			if !strings.HasSuffix(s.SampleName(0), "a.png") {
				t.Errorf("the first sample is %s", s.SampleName(0))
			}
		})
	}
}

// TestBoxIDs: the numbers of COCO's categories are kept, and samples keep their labels in
// another order.
func TestBoxIDs(t *testing.T) {
	s, err := Open(lay(t, map[string]string{"images/a.png": "20x10", "images/b.png": "20x40", "instances.json": coco}), Spec{Inputs: boxedInput})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.ClassIDs(), []int{3, 7}) || !slices.Equal(s.ClassNames(), []string{"cat", "dog"}) {
		t.Errorf("ids %v of %v", s.ClassIDs(), s.ClassNames())
	}
	back := s.Subset([]int{1, 0})
	if got := boxesOf(back); got[0][1] != -2 || got[1][1] != 1 || !slices.Equal(back.ClassIDs(), []int{3, 7}) {
		t.Errorf("%v", got)
	}
}

// TestBoxErrors: wrong labels are named with their file and line.
func TestBoxErrors(t *testing.T) {
	yolo := func(text string) map[string]string {
		return map[string]string{"images/a.png": "8x8", "labels/a.txt": text, "classes.txt": "cat\ndog"}
	}
	coco := func(text string) map[string]string {
		return map[string]string{"images/a.png": "8x8", "instances.json": strings.NewReplacer(
			"IMG", `{"id":1,"file_name":"a.png","width":8,"height":8}`, "CAT", `{"id":1,"name":"c"}`, "ANN", `{"id":5,"image_id":1,"category_id":1,"bbox":[0,0,1,1]}`).Replace(text)}
	}
	for name, tt := range map[string]struct {
		files map[string]string
		want  string
	}{
		"class":         {yolo("0 0.5 0.5 0.1 0.1\n2 0.5 0.5 0.1 0.1\n"), "labels/a.txt: line 2: class 2, but there are 2 classes"},
		"fraction":      {yolo("0.5 0.5 0.5 0.1 0.1"), `labels/a.txt: line 1: "0.5" is not a class`},
		"word":          {yolo("cat 0.5 0.5 0.1 0.1"), `labels/a.txt: line 1: "cat" is not a number`},
		"pixels":        {yolo("\n1 20 30 5 5"), "labels/a.txt: line 2: 20 is not a share of the image"},
		"score":         {yolo("1 0.1 0.1 0.1 0.1 0.9"), "labels/a.txt: line 1: 6 numbers instead of 5"},
		"negative":      {yolo("1 0.1 0.1 -0.001 0.1"), "line 1: a box of size -0.001 × 0.1"},
		"infinite":      {yolo("1 0.1 0.1 inf 0.1"), `"inf" is not a number`},
		"no labels":     {map[string]string{"images/a.png": "8x8", "labels/b.txt": ""}, "no image of images has labels in labels"},
		"yaml":          {map[string]string{"images/a.png": "8x8", "labels/a.txt": "", "data.yaml": "names: {3: cat}"}, "data.yaml: line 1: class 3 is not between 0 and 0"},
		"broken image":  {map[string]string{"images/a.png": "", "labels/a.txt": ""}, "images/a.png"},
		"empty":         {coco("{}"), "instances.json: no images"},
		"list":          {coco("[]"), "instances.json: no object in JSON"},
		"truncated":     {coco(`{"images":[IMG`), "instances.json: truncated"},
		"kind":          {coco(`{"images":{}}`), "instances.json: the list with each image is none"},
		"image":         {coco(`{"images":[{"id":"x"}]}`), "instances.json: image 0: id is a string"},
		"outside":       {coco(`{"images":[{"id":1,"file_name":"../a.png"}],"categories":[CAT],"annotations":[ANN]}`), `image 0 (id 1): "../a.png" names no file`},
		"twice":         {coco(`{"images":[IMG,IMG],"categories":[CAT],"annotations":[ANN]}`), "image 1 (a.png): another has the id 1"},
		"no categories": {coco(`{"images":[IMG],"annotations":[ANN]}`), "no categories"},
		"no boxes":      {coco(`{"images":[IMG],"categories":[CAT]}`), "no annotations"},
		"unknown image": {coco(`{"images":[IMG],"categories":[CAT],"annotations":[ANN,{"id":6,"image_id":2,"category_id":1}]}`), "annotation 1 (id 6): there is no image 2"},
		"category":      {coco(`{"images":[IMG],"categories":[CAT],"annotations":[{"id":6,"image_id":1,"category_id":0}]}`), "there is no category 0"},
		"no box":        {coco(`{"images":[IMG],"categories":[CAT],"annotations":[{"id":6,"image_id":1,"category_id":1,"bbox":[1]}]}`), "bbox has 1 numbers instead of 4"},
		"size":          {coco(`{"images":[{"id":1,"file_name":"a.png","width":9,"height":8}],"categories":[CAT],"annotations":[ANN]}`), "images/a.png is 8×8, but instances.json says 8×9"},
		"missing":       {coco(`{"images":[{"id":1,"file_name":"c.png"}],"categories":[CAT],"annotations":[ANN]}`), `instances.json: image "c.png" is not found`},
	} {
		t.Run(name, func(t *testing.T) {
			root := lay(t, tt.files)
			_, err := Open(root, Spec{Inputs: boxedInput})
			if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), root, ""), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
	root := lay(t, yolo("0 0.5 0.5 0.1 0.1"))
	if _, err := Open(root, Spec{Inputs: boxedInput, Preprocess: Preprocess{ClassNames: []string{"cat"}}}); err == nil || !strings.Contains(err.Error(), `class "dog" of the labels is not in the list`) {
		t.Error(err)
	}
	if _, err := Open(root, Spec{Inputs: boxedInput, Split: Train}); err == nil || !strings.Contains(err.Error(), "no train split: the folder is one set") {
		t.Error(err)
	}
}

// FuzzYOLO: any text is labels or an error.
func FuzzYOLO(f *testing.F) {
	f.Add([]byte("0 0.5 0.5 0.1 0.1\n1 0 0 1 0 1 1\n"))
	f.Add([]byte("1e300 nan 0x1 1_0"))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := parseYOLO(text, 3)
		for _, o := range list {
			if err == nil && (o.class < 0 || o.class > 2 || !(o.x1 <= o.x2 && o.y1 <= o.y2)) {
				t.Errorf("%+v", o)
			}
		}
	})
}
