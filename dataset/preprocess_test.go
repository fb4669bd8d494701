package dataset

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestTorchvision compares resizing and cropping with torchvision's, on 50 images
// (testdata/torchvision/make.py).
func TestTorchvision(t *testing.T) {
	all, err := ReadNPZ("testdata/torchvision/torchvision.npz")
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) (pixels []byte, h, w int) {
		a, ok := all.Arrays[name]
		if !ok {
			return nil, 0, 0
		}
		for _, v := range a.Int64s() {
			pixels = append(pixels, byte(v))
		}
		return pixels, a.Shape[0], a.Shape[1]
	}
	square := Size{27, 0}
	ways := map[string]Preprocess{
		"cover":    {},
		"imagenet": {Resize: square},
		"clip":     {CropPct: 1, Filter: Bicubic},
		"exact":    {Resize: InputSize},
		"bicubic":  {Resize: Size{20, 28}, Filter: Bicubic},
		"nearest":  {Resize: Size{20, 28}, Filter: Nearest},
		"crop":     {Crop: Size{25, 30}},
	}
	seen := map[string]int{}
	for i := range 50 {
		pixels, sh, sw := read(strconv.Itoa(i))
		img := colours(pixels, geometry{3, sh, sw}, true)
		for name, way := range ways {
			want, h, w := read(strconv.Itoa(i) + "/" + name)
			if want == nil {
				continue
			}
			seen[name]++
			got, most := pack(way.fit(img, w, h), 3), 0
			for j, b := range want {
				most = max(most, int(b)-int(got[j]), int(got[j])-int(b))
			}
			if most > 1 {
				t.Errorf("image %d of %d×%d, %s: off by %d of 255", i, sh, sw, name, most)
			}
		}
	}
	for name := range ways {
		if seen[name] < 7 {
			t.Errorf("%s: only %d images", name, seen[name])
		}
	}
}

func TestPlace(t *testing.T) {
	black := uint8(0)
	for _, tt := range []struct {
		name           string
		p              Preprocess
		sw, sh, w, h   int
		sx, sy, ox, oy float64
	}{
		{"cover", Preprocess{}, 200, 100, 50, 50, 0.5, 0.5, -25, 0},
		{"imagenet", Preprocess{CropPct: 0.875}, 512, 256, 224, 224, 1, 1, -144, -16},
		{"shorter side", Preprocess{Resize: Size{256, 0}}, 512, 1024, 224, 224, 0.5, 0.5, -16, -144},
		{"stretched", Preprocess{Resize: InputSize}, 10, 20, 40, 40, 4, 2, 0, 0},
		{"small", Preprocess{Resize: Size{10, 20}}, 20, 10, 40, 30, 1, 1, 10, 10},
		{"letterbox", Preprocess{Letterbox: InputSize, Fill: &black}, 1280, 720, 640, 640, 0.5, 0.5, 0, 140},
		{"odd letterbox", Preprocess{Letterbox: Size{64, 0}}, 64, 33, 64, 64, 1, 1, 0, 15},
		{"crop alone", Preprocess{Crop: Size{20, 0}}, 31, 41, 20, 20, 1, 1, -6, -10},
	} {
		sx, sy, ox, oy := tt.p.Place(tt.sw, tt.sh, tt.w, tt.h)
		if sx != tt.sx || sy != tt.sy || ox != tt.ox || oy != tt.oy {
			t.Errorf("%s: %v %v %v %v, want %v %v %v %v", tt.name, sx, sy, ox, oy, tt.sx, tt.sy, tt.ox, tt.oy)
		}
	}
}

// TestPrepared checks values from file to tensor: order of channels, scale, border.
func TestPrepared(t *testing.T) {
	dir := t.TempDir()
	img := image.NewRGBA(image.Rect(0, 0, 4, 2))
	for i := range 8 {
		copy(img.Pix[4*i:], []byte{10, 20, 30, 255})
	}
	var file bytes.Buffer
	if err := png.Encode(&file, img); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "b", "x.png"), file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	p := Preprocess{Letterbox: Size{4, 0}, Scale: 1, Channels: BGR, Mean: []float32{1, 2, 3}, ClassNames: []string{"c", "b"}}
	s, err := Open(dir, Spec{Inputs: []Input{{Name: "x", Shape: []int{-1, 3, -1, -1}}}, Preprocess: p})
	if err != nil {
		t.Fatal(err)
	}
	batch, err := s.Batch(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	x := batch["x"]
	if want := []int{1, 3, 4, 4}; !slices.Equal(x.Shape, want) {
		t.Fatalf("shape %v, want %v", x.Shape, want)
	}
	for c, want := range []float32{29, 18, 7} {
		plane := x.Float32s()[16*c : 16*c+16]
		if border := 114 - p.Mean[c]; plane[0] != border || plane[15] != border || plane[4] != want || plane[11] != want {
			t.Errorf("channel %d: %v", c, plane)
		}
	}
	if s.Labels()[0] != 1 || s.ClassNames()[1] != "b" {
		t.Errorf("label %v of %v", s.Labels(), s.ClassNames())
	}
}

// TestResizedBytes resizes images that are kept as bytes.
func TestResizedBytes(t *testing.T) {
	g := geometry{1, 2, 2}
	spec := Spec{Preprocess: Preprocess{Resize: InputSize, Filter: Nearest}}
	im, err := stored(Input{Name: "x", Shape: []int{-1, 3, 4, 4}}, g, false, spec, func(int) ([]byte, error) { return []byte{0, 51, 102, 255}, nil })
	if err != nil {
		t.Fatal(err)
	}
	batch, err := im.batch([]int{0})
	if err != nil {
		t.Fatal(err)
	}
	x := batch["x"].Float32s()
	if len(x) != 48 || x[0] != 0 || x[3] != 0.2 || x[16+12] != 0.4 || x[47] != 1 {
		t.Errorf("%v", x)
	}
	if _, err := stored(Input{Name: "x", Shape: []int{-1, 3, 4, 4}}, g, false, Spec{}, nil); err == nil {
		t.Error("resized without being told to")
	}
}

func TestReadPreprocess(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	put("names.json", `{"1": ["n02", "dog"], "0": "cat"}`)
	p, err := ReadPreprocess(put("p.yaml", "preset: imagenet\nresize: 30x40\nfill: 0\nclasses: names.json\n"))
	if err != nil {
		t.Fatal(err)
	}
	if p.Resize != (Size{30, 40}) || p.CropPct != 0 || p.Mean[0] != 0.485 || *p.Fill != 0 || !slices.Equal(p.ClassNames, []string{"cat", "n02"}) {
		t.Errorf("%+v", p)
	}
	if p, err := ReadPreprocess(put("empty.yaml", "")); err != nil || !p.IsZero() {
		t.Errorf("%+v, %v", p, err)
	}
	for text, want := range map[string]string{
		"resize: -3":               "size \"-3\" is not",
		"resize: 99999999":         "size \"99999999\" is not",
		"fill: 300":                "line 1: cannot unmarshal",
		"mean: [.nan]":             "mean NaN is not a finite number",
		"std: [0]":                 "std 0 is not a positive number",
		"scale: -1":                "scale -1 is not a positive number",
		"crop_pct: 2":              "crop_pct 2 is not between 0 and 1",
		"resize: 3\nletterbox: 4":  "exclude one another",
		"crop: 3\nletterbox: 4":    "exclude one another",
		"filter: lanczos":          "filter \"lanczos\" is none of",
		"channels: grb":            "channels \"grb\" are neither",
		"layout: chwn":             "layout \"chwn\" is neither",
		"preset: alexnet":          "preset \"alexnet\" is none of caffe",
		"classes: [a, a]":          "class \"a\" is listed twice",
		"classes: {a: b}":          "cannot unmarshal",
		"classes: nowhere.txt":     "nowhere.txt: no such file",
		"[]":                       "cannot unmarshal",
		"mean: [0.5]\nmean: [0.5]": "already",
		"a: &a [*a]":               "",
	} {
		_, err := ReadPreprocess(put("bad.yaml", text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                  "no class in it",
		"\xff":              "not text in UTF-8",
		"[1, 2]":            "cannot unmarshal",
		`{"5": "a"}`:        "class \"5\" is not a number from 0 to 0",
		`{"0": []}`:         "class 0 has no name",
		"cat\n\n  cat \n":   "listed twice",
		"\ufeff[\"a\",":     "unexpected end",
		`{"0": {"a": "b"}}`: "class 0 has no name",
	} {
		if _, err := ReadClasses(put("bad.txt", text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestPresets(t *testing.T) {
	for _, name := range PresetNames() {
		p, err := Preset(name)
		if err != nil || p.Check() != nil || p.IsZero() {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
		text, err := json.Marshal(p)
		var back Preprocess
		if err != nil || json.Unmarshal(text, &back) != nil || !back.Equal(p) {
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
	if len(presets) != len(PresetNames()) {
		t.Error("PresetNames is not complete")
	}
}
