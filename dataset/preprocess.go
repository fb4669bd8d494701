package dataset

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Preprocess says how the pixels of images become the values that a model takes. With the
// zero value an image is resized to cover the model's size, cropped to its centre, and
// divided by 255.
type Preprocess struct {
	// Resize is the size that images get before they are cropped: the shorter side alone
	// ({256, 0}), a size ({256, 320}), or InputSize.
	Resize Size `json:"resize,omitzero" yaml:"resize"`
	// CropPct resizes images to cover the model's size divided by it. The model then sees
	// the middle. 0.875 is the 256 before the 224 of ImageNet.
	CropPct float64 `json:"crop_pct,omitempty" yaml:"crop_pct"`
	// Letterbox resizes images to fit into a size, a square if W is 0, or InputSize. Fill
	// goes into the rest.
	Letterbox Size `json:"letterbox,omitzero" yaml:"letterbox"`
	// Fill is the byte for all channels around a letterbox; nil means 114.
	Fill *uint8 `json:"fill,omitempty" yaml:"fill"`
	// Crop is the size of the centre to take, a square if W is 0. It has to be the model's
	// where the model fixes one; it is meant for models that do not.
	Crop Size `json:"crop,omitzero" yaml:"crop"`
	// Filter is how images are resized; "" means Bilinear.
	Filter Filter `json:"filter,omitempty" yaml:"filter"`

	// Scale is what bytes are divided by; 0 means 255.
	Scale float32 `json:"scale,omitempty" yaml:"scale"`
	// Mean and Std normalise after that, as (x-Mean)/Std: one value for all channels or one
	// for each, in the order of Channels; empty means 0 and 1.
	Mean []float32 `json:"mean,omitempty" yaml:"mean"`
	Std  []float32 `json:"std,omitempty" yaml:"std"`
	// Channels is the order of colours; "" means RGB.
	Channels Channels `json:"channels,omitempty" yaml:"channels"`
	// Layout is the order of axes; "" means that the shape of the input tells.
	Layout Layout `json:"layout,omitempty" yaml:"layout"`

	// ClassNames are the names of the classes in the model's order. The folders of an image
	// folder then count in this order instead of that of the alphabet.
	ClassNames []string `json:"classes,omitempty" yaml:"-"`
}

// Size is a size in pixels.
type Size struct{ H, W int }

// InputSize stands for the size of the model's input.
var InputSize = Size{-1, -1}

// ParseSize reads a size: 256, 256x320 (height × width) or input.
func ParseSize(text string) (Size, error) {
	if text == "input" {
		return InputSize, nil
	}
	h, w, two := strings.Cut(text, "x")
	var s Size
	var err, err2 error
	s.H, err = strconv.Atoi(h)
	if two {
		s.W, err2 = strconv.Atoi(w)
	}
	if err != nil || err2 != nil || s.H < 1 || two && s.W < 1 || s.H > maxSide || s.W > maxSide {
		return Size{}, fmt.Errorf("size %q is not 256, 256x320 (height × width) or input", text)
	}
	return s, nil
}

// maxSide is the longest side that images may be resized to.
const maxSide = 1 << 13

func (s Size) String() string {
	switch {
	case s == Size{}:
		return ""
	case s == InputSize:
		return "input"
	case s.W == 0:
		return strconv.Itoa(s.H)
	}
	return fmt.Sprintf("%dx%d", s.H, s.W)
}

// MarshalText writes a size as ParseSize reads it.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is ParseSize.
func (s *Size) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSize(string(text))
	return err
}

// square returns a size with both sides, those of the input for InputSize.
func (s Size) square(h, w int) (int, int) {
	switch {
	case s == InputSize:
		return h, w
	case s.W == 0:
		return s.H, s.H
	}
	return s.H, s.W
}

// Filter is a way to resize. All of them widen as an image shrinks, as Pillow's do, but
// for Nearest.
type Filter string

// Ways to resize.
const (
	Bilinear Filter = "bilinear"
	Bicubic  Filter = "bicubic" // with a = -0.5, as Pillow's
	Nearest  Filter = "nearest"
)

// Channels is an order of colours.
type Channels string

// Orders of colours.
const (
	RGB Channels = "rgb"
	BGR Channels = "bgr"
)

// Layout is an order of axes.
type Layout string

// Orders of axes: channels before or after height and width.
const (
	NCHW Layout = "nchw"
	NHWC Layout = "nhwc"
)

// presets are the usual ways to prepare images.
var presets = map[string]Preprocess{
	// torchvision's reference training on ImageNet: https://github.com/pytorch/vision/tree/main/references/classification
	"imagenet": {CropPct: 0.875, Mean: []float32{0.485, 0.456, 0.406}, Std: []float32{0.229, 0.224, 0.225}},
	// keras.applications, mode "tf": x/127.5 - 1
	"tf": {Resize: InputSize, Mean: []float32{0.5}, Std: []float32{0.5}},
	// keras.applications, mode "caffe": bytes in the order BGR less the mean of ImageNet
	"caffe": {Resize: InputSize, Scale: 1, Channels: BGR, Mean: []float32{103.939, 116.779, 123.68}},
	// https://github.com/openai/CLIP/blob/main/clip/clip.py
	"clip": {CropPct: 1, Filter: Bicubic, Mean: []float32{0.48145466, 0.4578275, 0.40821073}, Std: []float32{0.26862954, 0.26130258, 0.27577711}},
	// Ultralytics' LetterBox: https://github.com/ultralytics/ultralytics/blob/main/ultralytics/data/augment.py
	"yolo": {Letterbox: InputSize},
}

// PresetNames returns the names that Preset takes, sorted.
func PresetNames() []string {
	return []string{"caffe", "clip", "imagenet", "tf", "yolo"}
}

// Preset returns a usual way to prepare images by its name.
func Preset(name string) (Preprocess, error) {
	p, ok := presets[name]
	if !ok {
		return p, fmt.Errorf("preset %q is none of %s", name, strings.Join(PresetNames(), ", "))
	}
	return p, nil
}

// Over returns base with everything that p gives in its place.
func (p Preprocess) Over(base Preprocess) Preprocess {
	none := Size{}
	if p.Resize != none || p.CropPct != 0 || p.Letterbox != none {
		base.Resize, base.CropPct, base.Letterbox = p.Resize, p.CropPct, p.Letterbox
	}
	if p.Crop != none {
		base.Crop = p.Crop
	}
	replace(&base.Fill, p.Fill)
	replace(&base.Filter, p.Filter)
	replace(&base.Scale, p.Scale)
	replace(&base.Channels, p.Channels)
	replace(&base.Layout, p.Layout)
	for _, list := range []struct{ to, from *[]float32 }{{&base.Mean, &p.Mean}, {&base.Std, &p.Std}} {
		if len(*list.from) > 0 {
			*list.to = *list.from
		}
	}
	if len(p.ClassNames) > 0 {
		base.ClassNames = p.ClassNames
	}
	return base
}

func replace[T comparable](to *T, from T) {
	var zero T
	if from != zero {
		*to = from
	}
}

// Applies reports whether the data at a path are images on disk, which p can prepare, and not
// values as the model takes them.
func (p Preprocess) Applies(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".json", ".yaml", ".yml":
		return true
	}
	return info.IsDir()
}

// IsZero reports whether p asks for nothing.
func (p Preprocess) IsZero() bool { return !p.shapes() && !p.values() && len(p.ClassNames) == 0 }

// OnlyNormalises reports whether p has nothing but Mean and Std.
func (p Preprocess) OnlyNormalises() bool {
	p.Mean, p.Std = nil, nil
	return p.IsZero()
}

// Equal reports whether both prepare images alike.
func (p Preprocess) Equal(q Preprocess) bool {
	fill := func(p Preprocess) uint8 { return p.fill() }
	return p.Resize == q.Resize && p.CropPct == q.CropPct && p.Letterbox == q.Letterbox && fill(p) == fill(q) &&
		p.Crop == q.Crop && p.Filter == q.Filter && p.Scale == q.Scale && slices.Equal(p.Mean, q.Mean) &&
		slices.Equal(p.Std, q.Std) && p.Channels == q.Channels && p.Layout == q.Layout && slices.Equal(p.ClassNames, q.ClassNames)
}

// String lists what p asks for.
func (p Preprocess) String() string {
	var parts []string
	add := func(name string, value any, is bool) {
		if is {
			parts = append(parts, fmt.Sprintf("%s %v", name, value))
		}
	}
	add("resize", p.Resize, p.Resize != Size{})
	add("crop_pct", p.CropPct, p.CropPct != 0)
	add("letterbox", p.Letterbox, p.Letterbox != Size{})
	add("fill", p.fill(), p.Fill != nil)
	add("crop", p.Crop, p.Crop != Size{})
	add("filter", p.Filter, p.Filter != "")
	add("scale", p.Scale, p.Scale != 0)
	add("mean", p.Mean, len(p.Mean) > 0)
	add("std", p.Std, len(p.Std) > 0)
	add("channels", p.Channels, p.Channels != "")
	add("layout", p.Layout, p.Layout != "")
	add(fmt.Sprint(len(p.ClassNames)), "classes", len(p.ClassNames) > 0)
	if parts == nil {
		return "the usual preprocessing"
	}
	return strings.Join(parts, ", ")
}

// shapes reports whether p says how images get their size.
func (p Preprocess) shapes() bool {
	none := Size{}
	return p.Resize != none || p.CropPct != 0 || p.Letterbox != none || p.Crop != none || p.Filter != "" || p.Fill != nil
}

// values reports whether p says how bytes become numbers.
func (p Preprocess) values() bool {
	return p.Scale != 0 || len(p.Mean)+len(p.Std) > 0 || p.Channels != "" || p.Layout != ""
}

func (p Preprocess) scale() float32 {
	if p.Scale == 0 {
		return 255
	}
	return p.Scale
}

func (p Preprocess) fill() uint8 {
	if p.Fill == nil {
		return 114
	}
	return *p.Fill
}

// Check finds mistakes.
func (p Preprocess) Check() error {
	for _, v := range p.Mean {
		if !finite(v) {
			return fmt.Errorf("mean %v is not a finite number", v)
		}
	}
	for _, v := range p.Std {
		if !finite(v) || v <= 0 {
			return fmt.Errorf("std %v is not a positive number", v)
		}
	}
	ways := 0
	for _, is := range []bool{p.Resize != Size{}, p.CropPct != 0, p.Letterbox != Size{}} {
		if is {
			ways++
		}
	}
	switch {
	case ways > 1:
		return malformed("choose one of them", "resize, crop_pct and letterbox exclude one another")
	case p.Letterbox != Size{} && p.Crop != Size{}:
		return malformed("leave the crop out: a letterbox shows the whole image", "letterbox and crop exclude one another")
	case !finite(p.Scale) || p.Scale < 0:
		return fmt.Errorf("scale %v is not a positive number", p.Scale)
	case math.IsNaN(p.CropPct) || p.CropPct < 0 || p.CropPct > 1:
		return fmt.Errorf("crop_pct %v is not between 0 and 1", p.CropPct)
	case p.Crop == InputSize:
		return malformed("leave it out: images are cropped to the input anyway", "the crop is a size, not input")
	case !slices.Contains([]Filter{"", Bilinear, Bicubic, Nearest}, p.Filter):
		return fmt.Errorf("filter %q is none of bilinear, bicubic, nearest", p.Filter)
	case !slices.Contains([]Channels{"", RGB, BGR}, p.Channels):
		return fmt.Errorf("channels %q are neither rgb nor bgr", p.Channels)
	case !slices.Contains([]Layout{"", NCHW, NHWC}, p.Layout):
		return fmt.Errorf("layout %q is neither nchw nor nhwc", p.Layout)
	}
	for i, name := range p.ClassNames {
		if slices.Index(p.ClassNames, name) != i {
			return fmt.Errorf("class %q is listed twice", name)
		}
	}
	return nil
}
