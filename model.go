package advparams

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/synth"
	"github.com/advparams/advparams/task"
)

// chooseOutput makes sure that a model has the output, and returns it as
// gradient.Config takes it: nil, for all, if no name is given.
func chooseOutput(m *onnxio.Model, name string) ([]string, error) {
	if name == "" {
		return nil, nil
	}
	var names []string
	for _, o := range m.Proto().GetGraph().GetOutput() {
		names = append(names, o.GetName())
	}
	if !slices.Contains(names, name) {
		return nil, optionf("Output", "%s has no output %q, but %s", m.Path(), name, strings.Join(names, ", "))
	}
	return []string{name}, nil
}

// openModel opens a model whose output has a gradient, or the output of no name
// all of them.
func openModel(path, output string) (*onnxio.Model, []string, error) {
	m, err := onnxio.Open(path)
	if err != nil {
		return nil, nil, err
	}
	outputs, err := chooseOutput(m, output)
	if err == nil {
		err = gradient.Supported(m, outputs)
	}
	if err != nil {
		m.Close()
		return nil, nil, err
	}
	return m, outputs, nil
}

// maxMessage is the largest message, in bytes, that protobuf as other programs use it
// reads (https://protobuf.dev/programming-guides/proto-limits/).
const maxMessage = 1<<31 - 1

// tooLarge says that a model file is one that other programs do not load; "" if it is
// not. The data files of a model may have any size.
func tooLarge(f *onnxio.File) string {
	if f.Size <= maxMessage {
		return ""
	}
	return fmt.Sprintf("%s has %.1f GiB: onnxruntime and others load no model file of 2 GiB and more, only external data", f.Path, float64(f.Size)/(1<<30))
}

// startWorkers starts the threads to compute on. They have to be closed. memory is the limit
// on what a batch may take, or 0.
func startWorkers(threads int, memory int64) (*gradient.Workers, error) {
	if most := 4 * runtime.NumCPU(); threads < 0 || threads > most {
		return nil, &OptionError{Option: "Threads", Value: threads, Reason: fmt.Sprintf("is not between 0 and %d", most)}
	}
	if memory < 0 {
		return nil, &OptionError{Option: "Memory", Value: memory, Reason: "is negative"}
	}
	w := gradient.NewWorkers(threads)
	w.Memory = memory
	return w, nil
}

// head is the output of a model that has the answers, and what they are for.
type head struct {
	model  *onnxio.Model
	output string    // "" if there is no other
	task   task.Task // nil until prepare has found it
	why    string    // how prepare has found it; "" if it was given
	// settled says what prepare has found of what the task leaves open; "" for nothing.
	settled  string
	look     task.Outlook     // what the graph says
	shapes   map[string][]int // of outputs, as a run has shown
	ranges   []synth.Range    // of samples that are made up
	original bool             // whether the original is at hand, to be asked where samples have no labels
	// unlocked are the weights of the original of a locked model; nil if it is not at hand, or
	// this is it.
	unlocked *gradient.Weights
}

// newHead reads the graph of a model, once for a run. The task may be nil.
func newHead(m *onnxio.Model, output string, t task.Task) (*head, error) {
	look, err := task.Look(m, output)
	if t != nil {
		t = task.For(t, look)
	}
	return &head{model: m, output: look.Output, task: t, look: look}, err
}

// session returns a session that computes what the task looks at after changes, for
// samples such as those of set.
func (h *head) session(m *onnxio.Model, changes []perturb.Change, set *dataset.Set, w *gradient.Workers) (*gradient.Session, error) {
	weights, err := weightsWith(m, changes)
	if err != nil {
		return nil, err
	}
	return h.sessionWith(m, weights, set, w)
}

// sessionWith returns a session that computes what the task looks at with other weights.
func (h *head) sessionWith(m *onnxio.Model, weights *gradient.Weights, set *dataset.Set, w *gradient.Workers) (*gradient.Session, error) {
	cfg := gradient.Config{Workers: w, Outputs: h.look.Outputs(h.task), Weights: weights, Axes: h.look.Axes}
	traits := h.task.Traits()
	cfg.Logits, cfg.Unsquashed, cfg.Raw = traits.MeasureLogits, traits.Unsquashed, traits.MeasureRaw
	return gradient.NewSession(m, cfg, task.Batch(h.look, set.Truth(0, 1), forwardBatch))
}

// forwardBatch is the number of samples computed at a time.
const forwardBatch = 100

// settle finds out by a run which axes count samples and what shapes the outputs have.
// axes are those that the caller knows. Outputs that cannot be computed are left out, but
// for the one with the answers.
func (h *head) settle(set *dataset.Set, w *gradient.Workers) error {
	outputs := slices.Clone(h.look.Floats)
	own := h.look.Outputs(task.Classification{})
	for _, name := range own {
		if !slices.Contains(outputs, name) {
			outputs = append(outputs, name)
		}
	}
	for _, name := range h.look.Boxes {
		if !slices.Contains(outputs, name) {
			outputs = append(outputs, name)
		}
	}
	if len(outputs) == 0 {
		outputs = own
	}
	axes, shapes, err := h.look.Axes.Probe(h.model, set, outputs, w)
	if err != nil && len(outputs) > len(own) && own != nil {
		axes, shapes, err = h.look.Axes.Probe(h.model, set, own, w)
	}
	if err != nil {
		return err
	}
	h.shapes, h.look = shapes, h.look.Settled(axes, shapes)
	if h.task != nil {
		h.task = task.For(h.task, h.look)
	}
	return nil
}

// choose looks at another output if the first cannot have answers like the labels.
func (h *head) choose(set *dataset.Set) error {
	labels := set.Truth(0, set.Len())
	if h.look.Named || labels.Data == nil || h.look.Fits(labels) {
		return nil
	}
	for _, name := range h.look.Floats {
		if look := h.lookAt(name); look.Fits(labels) {
			look.Named = false
			h.look, h.output = look, name
			break
		}
	}
	return nil
}

// lookAt reads what the graph says about another output, with what the run has shown.
func (h *head) lookAt(name string) task.Outlook {
	look := h.look.At(name)
	if h.shapes == nil {
		return look
	}
	return look.Settled(h.look.Axes, h.shapes)
}
