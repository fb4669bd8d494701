package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/advparams/advparams/nd"
	"github.com/google/go-cmp/cmp"
)

// gradientImage is a smooth colour image; seeds give different ones.
func gradientImage(w, h int, seed string) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetRGBA(x, y, color.RGBA{byte(255 * x / w), byte(255 * y / h), byte(len(seed)*16 + int(seed[len(seed)-5])), 255})
		}
	}
	return img
}

func plainImage(w, h int, c color.Color) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		img.Set(i%w, i/w, c)
	}
	return img
}

func pngOf(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestImageFolderOrder(t *testing.T) {
	pixel := func(v byte) []byte { return pngOf(t, plainImage(1, 1, color.Gray{v})) }
	splits := map[string][]byte{
		"train/a/0.png": pixel(1), "train/b/0.png": pixel(2), "train/c/0.png": pixel(3),
		"val/c/0.png": pixel(4), "val/a/0.png": pixel(5), "README.md": nil}
	for name, tt := range map[string]struct {
		files  map[string][]byte
		split  Split
		want   []byte
		labels []int
		about  string
	}{
		"sorted as text": {map[string][]byte{"10/a.png": pixel(1), "9/b.PNG": pixel(2), "9/a.png": pixel(3), "Z/x.png": pixel(4), "a/x.png": pixel(5)},
			"", []byte{1, 3, 2, 4, 5}, []int{0, 1, 1, 2, 3}, "image folder, 4 classes"},
		"others left out": {map[string][]byte{"a/x.png": pixel(1), "a/.hidden.png": nil, "a/notes.txt": nil, ".git/x.png": nil, "__MACOSX/x.png": nil, "b/y.png": pixel(2), "top.png": pixel(3)},
			"", []byte{1, 2}, []int{0, 1}, "image folder, 2 classes"},
		"an empty class counts": {map[string][]byte{"a/x.png": pixel(1), "b/none.txt": nil, "c/y.png": pixel(2)},
			"", []byte{1, 2}, []int{0, 2}, "image folder, 3 classes"},
		"train":               {splits, Train, []byte{1, 2, 3}, []int{0, 1, 2}, "image folder, train split, 3 classes"},
		"test, class missing": {splits, Test, []byte{5, 4}, []int{0, 2}, "image folder, test split, 3 classes"},
		"class named train": {map[string][]byte{"train/x.png": pixel(1), "car/x.png": pixel(2)},
			"", []byte{2, 1}, []int{0, 1}, "image folder, 2 classes"},
		"no classes": {map[string][]byte{"b.png": pixel(1), "a.png": pixel(2)}, "", []byte{2, 1}, nil, "image folder"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := model(-1, 1, 1, 1)
			spec.Split = tt.split
			s := mustOpen(t, tree(t, tt.files), spec)
			if diff := cmp.Diff(nd.Of(floats(tt.want), len(tt.want), 1, 1, 1), all(t, s)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.labels, s.Labels()); diff != "" {
				t.Error(diff)
			}
			if got, want := s.source.about(), tt.about+", 1×1 grey images"; got != want {
				t.Errorf("about %q, want %q", got, want)
			}
		})
	}
}

func TestImageFolderLinks(t *testing.T) {
	elsewhere := tree(t, map[string][]byte{"x.png": pngOf(t, plainImage(1, 1, color.Gray{9}))})
	root := t.TempDir()
	if err := os.Symlink(elsewhere, filepath.Join(root, "class")); err != nil {
		t.Skip(err)
	}
	if got := all(t, mustOpen(t, root, model(-1, 1))); !slices.Equal(got.Float32s(), floats([]byte{9})) {
		t.Errorf("%v", got)
	}
}

func TestImageFormats(t *testing.T) {
	img := gradientImage(16, 8, "x.png")
	var asJPEG, asGIF bytes.Buffer
	if err := jpeg.Encode(&asJPEG, img, &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	if err := gif.Encode(&asGIF, img, nil); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, tree(t, map[string][]byte{"c/a.png": pngOf(t, img), "c/b.jpeg": asJPEG.Bytes(), "c/c.gif": asGIF.Bytes()}), model(-1, 8, 16, 3))
	got := all(t, s).Float32s()
	var exact []byte
	for i := range 8 * 16 {
		exact = append(exact, img.Pix[4*i:4*i+3]...)
	}
	for i, tolerance := range []float32{0, 0.08, 0.2} { // a GIF has 256 colours
		for j, want := range floats(exact) {
			if d := got[i*len(exact)+j] - want; d > tolerance || d < -tolerance {
				t.Fatalf("image %d, value %d: off by %v", i, j, d)
			}
		}
	}
}

func TestImageConversion(t *testing.T) {
	for name, tt := range map[string]struct {
		img  image.Image
		want []byte // RGB
		grey byte
	}{
		"colour":           {plainImage(2, 2, color.NRGBA{200, 100, 50, 255}), []byte{200, 100, 50}, 124},
		"grey":             {plainImage(2, 2, color.Gray{77}), []byte{77, 77, 77}, 77},
		"16 bits":          {plainImage(2, 2, color.RGBA64{0xffff, 0x8000, 0, 0xffff}), []byte{255, 128, 0}, 151},
		"half transparent": {plainImage(2, 2, color.NRGBA{200, 100, 50, 128}), []byte{200, 100, 50}, 124},
	} {
		t.Run(name, func(t *testing.T) {
			folder := tree(t, map[string][]byte{"c/a.png": pngOf(t, tt.img)})
			rgb := all(t, mustOpen(t, folder, model(-1, 3, 2, 2)))
			for c, v := range floats(tt.want) {
				if got := rgb.Float32s()[4*c : 4*c+4]; !slices.Equal(got, []float32{v, v, v, v}) {
					t.Errorf("channel %d: %v, want %v", c, got, v)
				}
			}
			if got := all(t, mustOpen(t, folder, model(-1, 2, 2))).Float32s()[0]; got != float32(tt.grey)/255 {
				t.Errorf("grey %v, want %d", got*255, tt.grey)
			}
		})
	}
}

func TestImageResize(t *testing.T) {
	// Three stripes, 4 wide each: the centre one is what a square crop keeps.
	stripes := image.NewNRGBA(image.Rect(0, 0, 12, 4))
	for i := range 12 * 4 {
		stripes.Set(i%12, i/12, color.Gray{[]byte{10, 100, 200}[i%12/4]})
	}
	upright := image.NewNRGBA(image.Rect(0, 0, 4, 12))
	for i := range 12 * 4 {
		upright.Set(i%4, i/4, color.Gray{[]byte{10, 100, 200}[i/16]})
	}
	folder := tree(t, map[string][]byte{"c/a.png": pngOf(t, stripes), "c/b.png": pngOf(t, upright)})
	if got, want := all(t, mustOpen(t, folder, model(-1, 1, 4, 4))).Float32s(), floats(bytes.Repeat([]byte{100}, 32)); !slices.Equal(got, want) {
		t.Errorf("cropped: %v", got)
	}
	// Halving averages: pixels next to the crop's edge mix with the stripe beyond.
	got := all(t, mustOpen(t, folder, model(-1, 1, 2, 2)))
	if diff := cmp.Diff([]int{2, 1, 2, 2}, got.Shape); diff != "" {
		t.Fatal(diff)
	}
	if v := got.Float32s(); v[0] >= 100./255 || v[1] <= 100./255 || v[0] != v[2] || v[0] != v[4] || v[1] != v[6] {
		t.Errorf("halved: %v", v)
	}
}

// Torchvision's CenterCrop rounds half a pixel to even.
func TestCentre(t *testing.T) {
	for excess, want := range []int{0, 0, 1, 2, 2, 2, 3, 4} {
		if got := centre(excess); got != want {
			t.Errorf("centre(%d) = %d, want %d", excess, got, want)
		}
	}
}

func TestImageSizeFromFirst(t *testing.T) {
	folder := tree(t, map[string][]byte{"c/a.png": pngOf(t, plainImage(3, 2, color.Gray{1})), "c/b.png": pngOf(t, plainImage(2, 3, color.Gray{1}))})
	s := mustOpen(t, folder, model(-1, -1, -1, 3))
	first, err := s.Batch(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{1, 2, 3, 3}, first["x"].Shape); diff != "" {
		t.Error(diff)
	}
	_, err = s.Batch(0, 2)
	wantError(t, err, "c/b.png is 3×2, but the first image gives 2×3", "resize the files")

	if got := all(t, mustOpen(t, folder, model(-1, 18)).Subset([]int{0})).Shape; !slices.Equal(got, []int{1, 18}) {
		t.Errorf("flat RGB: %v", got)
	}
	if got := all(t, mustOpen(t, folder, model(-1, 6)).Subset([]int{0})).Shape; !slices.Equal(got, []int{1, 6}) {
		t.Errorf("flat grey: %v", got)
	}
	_, err = Open(folder, model(-1, 7))
	wantError(t, err, `images are 2×3, but input "x" wants [N 7]`, "resize the files")
}

func TestImageFolderErrors(t *testing.T) {
	good := pngOf(t, plainImage(2, 2, color.Gray{1}))
	train := model(-1, 1, 2, 2)
	train.Split = Train
	for name, tt := range map[string]struct {
		files        map[string][]byte
		spec         Spec
		text, hinted string
	}{
		"no split":       {map[string][]byte{"a/x.png": good}, train, "no train split: the folder is one set", "ask for no split"},
		"other split":    {map[string][]byte{"test/a/x.png": good}, train, "no train split", ""},
		"foreign class":  {map[string][]byte{"train/a/x.png": good, "test/b/x.png": good}, train, `class "b" of test is not in train`, "same in both splits"},
		"empty split":    {map[string][]byte{"train/a/x.txt": nil}, train, "no png, jpeg or gif image in train", ""},
		"nested":         {map[string][]byte{"a/x.png": good, "a/more/y.png": good}, model(-1, 1, 2, 2), "class folder a holds files and the folder more", "move files out"},
		"deeper":         {map[string][]byte{"data/a/x.png": good}, model(-1, 1, 2, 2), "no data set in this folder", "looked for"},
		"damaged first":  {map[string][]byte{"a/x.png": []byte("no png")}, model(-1, 1, -1, -1), "a/x.png: image: unknown format", "remove or replace"},
		"colour channel": {map[string][]byte{"a/x.png": good}, model(-1, 4, 2, 2), "does not take grey or RGB images", ".npz"},
		"mean":           {map[string][]byte{"a/x.png": good}, Spec{Inputs: model(-1, 1, 2, 2).Inputs, Preprocess: Preprocess{Mean: []float32{0, 0, 0}}}, "3 values of mean for images of 1 channels", ""},
		"label range":    {map[string][]byte{"a/x.png": good, "b/x.png": good}, Spec{Inputs: model(-1, 1, 2, 2).Inputs, Classes: 1}, "sample 1 (b/x.png) has label 1", "from 0 to 0"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(tree(t, tt.files), tt.spec)
			wantError(t, err, tt.text, tt.hinted)
		})
	}
}

func TestImageDecodeErrors(t *testing.T) {
	good := pngOf(t, plainImage(40, 40, color.Gray{1}))
	bomb := bytes.Clone(good)
	copy(bomb[16:], []byte{0, 1, 0, 0, 0, 1, 0, 0}) // 65536×65536, with the checksum to match
	copy(bomb[29:], crcOf(bomb[12:29]))
	folder := tree(t, map[string][]byte{
		"a/0.png": good,
		"a/1.png": good[:len(good)-20],
		"a/2.png": bomb,
		"a/3.png": pngOf(t, plainImage(2000, 2, color.Gray{1})),
		"a/4.png": nil,
	})
	s := mustOpen(t, folder, model(-1, 1, 2, 2))
	for i, text := range []string{1: "a/1.png: png: invalid format: unexpected EOF", 2: "a/2.png is 65536×65536: too large", 3: "a/3.png is 2×2000: too narrow to resize", 4: "a/4.png: image: unknown format"} {
		if text == "" {
			continue
		}
		_, err := s.Batch(0, i+1)
		if i > 1 {
			_, err = s.Batch(i, i+1)
		}
		if err == nil || !bytes.Contains([]byte(err.Error()), []byte(text)) {
			t.Errorf("image %d: error %v, want %q", i, err, text)
		}
	}
	if err := os.Remove(filepath.Join(folder, "a", "0.png")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Batch(0, 1); err != nil {
		t.Errorf("decoded once and kept, but: %v", err)
	}
}

// crcOf is the checksum of a PNG chunk, from its type on.
func crcOf(chunk []byte) []byte {
	return binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(chunk))
}

// Decoding is refused by the header alone when it takes too much memory.
func TestImageMemory(t *testing.T) {
	big := func(w, h int, depth, colour byte) []byte {
		b := bytes.Clone(pngOf(t, plainImage(40, 40, color.Gray{1})))
		copy(b[16:], binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(w)), uint32(h)))
		b[24], b[25] = depth, colour
		copy(b[29:], crcOf(b[12:29]))
		return b
	}
	for _, c := range []struct {
		name    string
		data    []byte
		refused bool // for its size
	}{
		{"grey, 100 megapixels", big(10000, 10000, 8, 0), false},
		{"grey, 110 megapixels", big(11000, 10000, 8, 0), true},
		{"colours, 64 megapixels", big(8000, 8000, 8, 2), false},
		{"colours, 100 megapixels", big(10000, 10000, 8, 2), true},
		{"16 bits, 42 megapixels", big(7000, 6000, 16, 2), false},
		{"16 bits, 48 megapixels", big(8000, 6000, 16, 6), true},
	} {
		_, err := imageConfig(c.data, "a.png")
		var size *ImageSizeError
		if errors.As(err, &size) != c.refused || err != nil && !c.refused {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.refused && (size.File != "a.png" || size.Width*size.Height < 1e7 || size.Bytes <= MaxImageMemory || size.Hint() == "") {
			t.Errorf("%s: %+v", c.name, size)
		}
	}
	// What is refused has not been decoded.
	folder := tree(t, map[string][]byte{"a/0.png": big(30000, 30000, 8, 2)})
	s := mustOpen(t, folder, model(-1, 1, 2, 2))
	if n := allocated(func() {
		if _, err := s.Batch(0, 1); err == nil {
			t.Error("an image of 900 megapixels was decoded")
		}
	}); n > 1<<20 {
		t.Errorf("%d bytes allocated", n)
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A progressive JPEG takes memory for its coefficients, too.
func TestProgressive(t *testing.T) {
	segment := func(marker byte, n int) []byte {
		return append([]byte{0xff, marker, byte(n >> 8), byte(n)}, make([]byte, n-2)...)
	}
	for name, c := range map[string]struct {
		data []byte
		want bool
	}{
		"baseline":    {slices.Concat([]byte{0xff, 0xd8}, segment(0xe0, 16), []byte{0xff}, segment(0xdb, 67), segment(0xc0, 17)), false},
		"progressive": {slices.Concat([]byte{0xff, 0xd8}, segment(0xe0, 16), segment(0xc2, 17), segment(0xc0, 17)), true},
		"cut":         {slices.Concat([]byte{0xff, 0xd8}, segment(0xe0, 1000)[:20]), true},
	} {
		if got := progressive(c.data); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
