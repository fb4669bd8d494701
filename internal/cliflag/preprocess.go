package cliflag

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/advparams/advparams/dataset"
)

// Preprocess is the flags that say how images are prepared. A preset comes first, then a
// file, then single flags.
type Preprocess struct {
	preset, file, classes    string
	resize, crop, letterbox  size
	filter, channels, layout string
	scale                    float32
	mean, std                []float32
}

// size is a dataset.Size as a flag.
type size struct{ dataset.Size }

func (s *size) Set(text string) (err error) {
	s.Size, err = dataset.ParseSize(text)
	return err
}

func (s *size) Type() string { return "SIZE" }

// Register defines the flags.
func (p *Preprocess) Register(fl *pflag.FlagSet) {
	fl.Float32SliceVar(&p.mean, "mean", nil, "`A,B,C` to subtract from the channels of images, or one value for all")
	fl.Float32SliceVar(&p.std, "std", nil, "`A,B,C` to divide the channels of images by, or one value for all")
	choice := func(value *string, name, usage string, values ...string) {
		fl.Var(&Choice[string]{value, values}, name, usage)
	}
	choice(&p.preset, "preset", "use a common combination of settings (docs/preprocessing.md)", dataset.PresetNames()...)
	fl.StringVar(&p.file, "preprocess", "", "read settings for images from `FILE.yaml`")
	fl.Var(&p.resize, "resize", "resize images: 256 for the shorter side, 256x320 for height and width, or input")
	fl.Var(&p.crop, "crop", "crop images to their centre: 224, or 224x320")
	fl.Var(&p.letterbox, "letterbox", "fit whole images into 640, 480x640 or input, and pad the rest")
	choice(&p.filter, "filter", "how to resize (default bilinear)", string(dataset.Bilinear), string(dataset.Bicubic), string(dataset.Nearest))
	fl.Float32Var(&p.scale, "scale", 0, "divide bytes of images by `S` before mean and std (default 255)")
	choice(&p.channels, "channels", "the order of colours that the model takes (default rgb)", string(dataset.RGB), string(dataset.BGR))
	choice(&p.layout, "layout", "the order of axes, if the model's shape leaves it open", string(dataset.NCHW), string(dataset.NHWC))
	fl.StringVar(&p.classes, "classes", "", "`FILE` with the names of the classes in the model's order, one per line or in JSON; class folders are numbered in this order")
	for _, name := range []string{"mean", "std", "scale"} {
		fl.Lookup(name).DefValue = "" // rather than [] and 0
	}
}

// Value reads the files that the flags name, and returns what all of them say.
func (p *Preprocess) Value() (v dataset.Preprocess, err error) {
	if p.preset != "" {
		if v, err = dataset.Preset(p.preset); err != nil {
			return v, err
		}
	}
	if p.file != "" {
		file, err := dataset.ReadPreprocess(p.file)
		if err != nil {
			return v, err
		}
		v = file.Over(v)
	}
	flags := dataset.Preprocess{
		Resize: p.resize.Size, Crop: p.crop.Size, Letterbox: p.letterbox.Size, Filter: dataset.Filter(p.filter),
		Scale: p.scale, Mean: p.mean, Std: p.std, Channels: dataset.Channels(p.channels), Layout: dataset.Layout(p.layout),
	}
	if p.classes != "" {
		if flags.ClassNames, err = dataset.ReadClasses(p.classes); err != nil {
			return v, err
		}
	}
	return flags.Over(v), nil
}

// PreprocessFlags writes flags that ask for p, but for the names of classes.
func PreprocessFlags(p dataset.Preprocess) (args []string) {
	add := func(flag, value string, is bool) {
		if is {
			args = append(args, "--"+flag, value)
		}
	}
	add("resize", p.Resize.String(), p.Resize != dataset.Size{})
	add("letterbox", p.Letterbox.String(), p.Letterbox != dataset.Size{})
	add("crop", p.Crop.String(), p.Crop != dataset.Size{})
	add("filter", string(p.Filter), p.Filter != "")
	add("scale", fmt.Sprint(p.Scale), p.Scale != 0)
	add("mean", numbers(p.Mean), len(p.Mean) > 0)
	add("std", numbers(p.Std), len(p.Std) > 0)
	add("channels", string(p.Channels), p.Channels != "")
	add("layout", string(p.Layout), p.Layout != "")
	return args
}

// Suggestion writes flags for people that ask for a preset or for p.
func Suggestion(preset string, p dataset.Preprocess) string {
	flags := PreprocessFlags(p)
	switch {
	case preset != "":
		return "--preset " + preset
	case flags == nil:
		return "it without --mean, --std and other flags for images"
	}
	return strings.Join(flags, " ")
}

func numbers(list []float32) string {
	parts := make([]string, len(list))
	for i, v := range list {
		parts[i] = strconv.FormatFloat(float64(v), 'g', -1, 32)
	}
	return strings.Join(parts, ",")
}
