package advparams

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/samples"
	"github.com/advparams/advparams/task"
)

// A second opinion: onnxruntime, as a Python installation has it, computes the outputs of
// the locked model. It runs in a process of its own. To load its shared library into this
// one would need the C library, and the command is a static binary.

//go:embed runtime.py
var runtimeScript string

// OnnxRuntime as VerifyOptions.Runtime is onnxruntime.
const OnnxRuntime = "onnxruntime"

// PythonVariable is the environment variable that names the Python with onnxruntime.
const PythonVariable = "ADVPARAMS_PYTHON"

// RuntimeMeasure is what another program found for the locked model.
type RuntimeMeasure struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Metrics are those of the task, in their order.
	Metrics []RuntimeMetric `json:"metrics"`

	score task.Score
}

// Score returns all figures.
func (r *RuntimeMeasure) Score() task.Score { return r.score }

// RuntimeMetric is a metric of the locked model.
type RuntimeMetric struct {
	Name   string  `json:"name"`
	Locked float64 `json:"locked"`
}

// RuntimeError means that the program for a second opinion is not there or failed.
type RuntimeError struct {
	Python  string // the program that was started
	Missing bool   // there is no Python, or it has no onnxruntime
	Message string
}

func (e *RuntimeError) Error() string {
	if e.Missing {
		return fmt.Sprintf("no onnxruntime in %s: %s", e.Python, e.Message)
	}
	return fmt.Sprintf("onnxruntime in %s: %s", e.Python, e.Message)
}

// Hint says what to do.
func (e *RuntimeError) Hint() string {
	if !e.Missing {
		return ""
	}
	return "install onnxruntime and numpy for it with pip, or name another Python in " + PythonVariable
}

// pythonOf returns the Python to start, given that of an option.
func pythonOf(option string) string {
	return cmp.Or(option, os.Getenv(PythonVariable), "python3")
}

// byRuntime measures a model in onnxruntime.
func byRuntime(ctx context.Context, ready *samples.Prepared, m *onnxio.Model, python string, threads int) (*RuntimeMeasure, error) {
	p := second{ready}
	folder, err := os.MkdirTemp("", "advparams-runtime-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	size := cmp.Or(p.Look.Axes.Batch, samples.ForwardBatch)
	if p.Look.Axes.Open {
		size = 1 // as the model declares
	}
	for lo := 0; lo < p.Set.Len(); lo += size {
		if err := p.writeBatch(folder, lo, size); err != nil {
			return nil, err
		}
	}
	python = pythonOf(python)
	args := append([]string{"-c", runtimeScript, m.Path(), folder, strconv.Itoa(max(threads, 1))}, p.Look.Outputs(p.Task)...)
	cmd := exec.CommandContext(ctx, python, args...)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		text := strings.TrimSpace(problems.String())
		text = text[strings.LastIndexByte(text, '\n')+1:]
		why, missing := strings.CutPrefix(text, "no-onnxruntime: ")
		missing = missing || errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist)
		return nil, &RuntimeError{python, missing, cmp.Or(why, err.Error())}
	}
	r := &RuntimeMeasure{Name: OnnxRuntime, Version: strings.TrimSpace(out.String())}
	tally := p.Task.NewTally()
	for lo := 0; lo < p.Set.Len(); lo += size {
		outputs, err := p.readBatch(folder, lo/size)
		if err != nil {
			return nil, err
		}
		if err := tally.Add(outputs, p.Set.Truth(lo, min(lo+size, p.Set.Len()))); err != nil {
			return nil, err
		}
	}
	r.score = tally.Score()
	for _, metric := range r.score.Metrics {
		r.Metrics = append(r.Metrics, RuntimeMetric{metric.Name, metric.Value})
	}
	return r, nil
}

// second has samples for another program.
type second struct{ *samples.Prepared }

// writeBatch writes the inputs of a batch as the model has them.
func (p second) writeBatch(folder string, lo, size int) error {
	batch, err := p.Set.Batch(lo, min(lo+size, p.Set.Len()))
	if err != nil {
		return err
	}
	if n := p.Look.Axes.Batch; n > 1 {
		batch = gradient.Fill(batch, n)
	}
	var arrays []dataset.Named
	for _, in := range p.Look.Inputs {
		a := batch[in.Name]
		switch k := p.Look.Axes.Input(in.Name); {
		case k == gradient.NoAxis:
			a = nd.Array{Shape: a.Shape[1:], Data: a.Rows(0, 1).Data}
		case k > 0:
			a = moved(a, 0, k)
		}
		arrays = append(arrays, dataset.Named{Name: in.Name, Array: a})
	}
	f, err := os.Create(fmt.Sprintf("%s/%d.npz", folder, lo/size))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := dataset.WriteNPZ(f, arrays); err != nil {
		return err
	}
	return f.Close()
}

// readBatch reads the outputs of a batch, with samples on axis 0.
func (p second) readBatch(folder string, batch int) ([]nd.Array, error) {
	path := fmt.Sprintf("%s/out%d.npz", folder, batch)
	file, err := dataset.ReadNPZ(path)
	if err != nil {
		return nil, err
	}
	names := p.Look.Outputs(p.Task)
	var outputs []nd.Array
	for k := range len(file.Arrays) {
		a := file.Arrays[strconv.Itoa(k)]
		axis := 0
		if k < len(names) {
			axis = p.Look.Axes.Outputs[names[k]]
		} else if p.Look.Output == "" && len(p.Look.Axes.Outputs) == 1 {
			for _, axis = range p.Look.Axes.Outputs {
			}
		}
		switch {
		case axis == gradient.NoAxis:
			a.Shape = append([]int{1}, a.Shape...)
		case axis > 0:
			a = moved(a, axis, 0)
		}
		if a, err = p.scores(k, a); err != nil {
			return nil, err
		}
		outputs = append(outputs, p.measured(k, a))
	}
	return outputs, nil
}

// scores returns the output of a number. If an ArgMax has chosen classes, they get a score of
// 1, and others 0, as our own programs have scores in their place. Integers that stand for floats are
// floats there as well.
func (p second) scores(k int, a nd.Array) (nd.Array, error) {
	g, name := p.Model.Proto().GetGraph(), ""
	switch names := p.Look.Outputs(p.Task); {
	case k < len(names):
		name = names[k]
	case k < len(g.GetOutput()):
		name = g.GetOutput()[k].GetName()
	}
	if p.Look.Rounds(name) && a.DType() == nd.Int64 {
		y := nd.New(nd.Float32, a.Shape...)
		for i, v := range a.Int64s() {
			y.Float32s()[i] = float32(v)
		}
		return y, nil
	}
	if !p.Look.Chooses(name) {
		return unsorted(g, name, a), nil
	}
	return p.LookAt(name).Scored(a)
}

// measured returns the output of a number as the task measures it: with its Sigmoid or Softmax
// undone, or as it is.
func (p second) measured(k int, a nd.Array) nd.Array {
	traits := p.Task.Traits()
	if !traits.MeasureLogits || a.DType() != nd.Float32 {
		return a
	}
	look, names := p.Look, p.Look.Outputs(p.Task)
	if traits.MeasureRaw != nil && k < len(names) {
		if traits.MeasureRaw[names[k]] {
			return a
		}
		look = p.LookAt(names[k])
	}
	return look.Logits(a)
}

// moved returns an array with one axis in another place.
func moved(a nd.Array, from, to int) nd.Array {
	var order []int
	for axis := range a.Shape {
		if axis != from {
			order = append(order, axis)
		}
	}
	order = append(order[:to:to], append([]int{from}, order[to:]...)...)
	strides := make([]int, len(a.Shape))
	for axis, s := len(a.Shape)-1, 1; axis >= 0; axis-- {
		strides[axis], s = s, s*a.Shape[axis]
	}
	shape := make([]int, len(order))
	for i, axis := range order {
		shape[i] = a.Shape[axis]
	}
	out := nd.New(a.DType(), shape...)
	at := make([]int, len(order))
	for i := range out.Len() {
		src := 0
		for k, axis := range order {
			src += at[k] * strides[axis]
		}
		switch x := a.Data.(type) {
		case []float32:
			out.Float32s()[i] = x[src]
		case []int64:
			out.Int64s()[i] = x[src]
		case []bool:
			out.Bools()[i] = x[src]
		}
		for k := len(at) - 1; k >= 0; k-- {
			if at[k]++; at[k] < shape[k] {
				break
			}
			at[k] = 0
		}
	}
	return out
}
