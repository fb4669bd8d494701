package advparams

import (
	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/samples"
)

// Data says which samples to use: those at Path, those in Samples or, for Protect, those
// that the model itself makes up (MadeUp).
type Data = samples.Data

// NoAxis as an axis in Data.Axes says that none counts samples.
const NoAxis = gradient.NoAxis

// Preprocess says how the pixels of images become the values that a model takes.
type Preprocess = dataset.Preprocess

// Split is a part of the data.
type Split = dataset.Split

// The parts that data sets have.
const (
	Train = dataset.Train
	Test  = dataset.Test
)

// Labels says where the labels of samples come from.
type Labels = samples.Labels

const (
	// LabelsOfData are those in the data. The empty string means the same.
	LabelsOfData = samples.LabelsOfData
	// LabelsOfModel are the answers of the original model. Labels in the data are
	// ignored.
	LabelsOfModel = samples.LabelsOfModel
)

// checkData finds mistakes; option is the name of the field that holds d.
func checkData(d *Data, option string) error {
	sources := 0
	for _, is := range []bool{d.Path != "", d.Samples != nil, d.MadeUp} {
		if is {
			sources++
		}
	}
	switch {
	case sources > 1:
		return optionf(option, "Path, Samples and MadeUp exclude one another")
	case d.Limit < 0:
		return &OptionError{Option: option + ".Limit", Value: d.Limit, Reason: "is negative"}
	case d.Shape != nil && !d.MadeUp:
		return optionf(option+".Shape", "is for samples that are made up")
	case d.Labels != "" && d.Labels != LabelsOfData && d.Labels != LabelsOfModel:
		return &OptionError{Option: option + ".Labels", Value: string(d.Labels), Reason: "is not data or model"}
	case d.Samples != nil && (d.Split != "" || !d.Preprocess.IsZero()):
		return optionf(option, "Split and Preprocess are for samples in files")
	case d.MadeUp && !d.Preprocess.OnlyNormalises():
		return optionf(option+".Preprocess", "of samples that are made up there are only Mean and Std")
	}
	if err := d.Preprocess.Check(); err != nil {
		return optionf(option+".Preprocess", "%v", err)
	}
	return nil
}
