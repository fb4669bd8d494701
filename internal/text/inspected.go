package text

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/onnxio"
)

// Key writes the description of a key.
func Key(w io.Writer, r *advparams.KeyInfo) {
	seal := "not sealed: whoever has it can unlock"
	if r.Sealed {
		seal = "sealed to " + strings.Join(r.Recipients, ", ")
	}
	line(w, "%s\tkey, %s bytes, %s", r.File, count(r.Size), seal)
	c := r.Content
	if c == nil {
		line(w, "\topen it with -i IDENTITY or --passphrase to see more")
		return
	}
	line(w, "made by\t%s, %s", c.Tool, c.Created)
	profile := c.Profile
	if c.MadeUp {
		profile += ", samples made up"
	}
	line(w, "changed\t%s of %s parameters, profile %s", count(c.ParamsChanged), count(c.ParamsTotal), profile)
	for i, s := range c.Steps {
		line(w, "step %d\t%s", i+1, step(s))
	}
	if c.Samples > 0 && c.Accuracy > 0 { // which not every task has
		line(w, "accuracy\t%.2f %% → %.2f %% on %s samples", 100*c.Accuracy, 100*c.LockedAccuracy, count(c.Samples))
	}
	if c.Preprocess != nil {
		line(w, "images\t%s", c.Preprocess.String())
	}
	for _, f := range c.Files {
		line(w, "original\t%s\t%s bytes\tsha256 %s", f.Original.Name, count(f.Original.Size), f.Original.SHA256)
		line(w, "locked\t%s\t%s bytes\tsha256 %s", f.Locked.Name, count(f.Locked.Size), f.Locked.SHA256)
	}
	for _, p := range c.Changes {
		line(w, "in %s\t%v", p.Tensor, p.Indices)
	}
}

// Model writes the description of a model.
func Model(w io.Writer, r *advparams.ModelInfo) {
	var opsets []string
	for _, domain := range slices.Sorted(maps.Keys(r.Opsets)) {
		opsets = append(opsets, fmt.Sprintf("%s %d", domain, r.Opsets[domain]))
	}
	for i, f := range r.Files {
		what := "ONNX model"
		if i > 0 {
			what = "external data"
		}
		line(w, "%s\t%s, %s bytes", f.Name, what, count(f.Size))
	}
	line(w, "producer\t%s, IR version %d, opset %s", cmp.Or(r.Producer, "unknown"), r.IRVersion, strings.Join(opsets, ", "))
	for _, list := range []struct {
		what   string
		values []advparams.ValueInfo
	}{{"input", r.Inputs}, {"output", r.Outputs}} {
		for _, v := range list.values {
			line(w, "%s\t%s %s%s", list.what, v.Name, v.Type, axes(v.Shape))
		}
	}
	line(w, "parameters\t%s", count(r.Parameters))
	for _, warning := range r.Warnings {
		line(w, "warning\t%s", warning)
	}
	line(w, "")
	line(w, "operator\tcount\tforward\tgradient")
	for _, o := range r.Operators {
		name := o.Name
		if o.Domain != "ai.onnx" {
			name = o.Domain + "." + o.Name
		}
		line(w, "%s\t%d\t%s\t%s", name, o.Count, yesNo(o.Forward), yesNo(o.Gradient))
	}
	line(w, "")
	line(w, "tensor\ttype\tshape\telements\tstorage\tused by")
	for _, t := range r.Initializers {
		storage := t.Storage
		if t.Place != onnxio.InInitializer.String() {
			storage += ", " + t.Place
		}
		switch {
		case t.Constant != "":
			storage += ", " + t.Constant
		case t.Role != onnxio.RoleWeight.String():
			storage += ", " + t.Role
		}
		line(w, "%s\t%s\t%s\t%s\t%s\t%s", t.Name, t.Type, strings.ReplaceAll(fmt.Sprint(t.Shape), " ", ","), count(t.Elements), storage, strings.Join(t.UsedBy, ", "))
	}
}

// axes writes a shape; nothing when the rank is unknown.
func axes(shape []advparams.Axis) string {
	if shape == nil {
		return ""
	}
	parts := make([]string, len(shape))
	for i, a := range shape {
		parts[i] = a.String()
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// step describes a step of a key.
func step(s advparams.KeyStep) string {
	if s.Kind == "keystream" {
		return fmt.Sprintf("decrypts %s elements of %s tensors", count(s.Elements), count(len(s.Tensors)))
	}
	return fmt.Sprintf("puts back %s elements and %s byte ranges", count(s.Elements), count(s.Splices))
}
