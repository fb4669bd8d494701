package advparams

import (
	"fmt"
	"runtime"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/samples"
)

// openModel opens a model whose output has a gradient, or the output of no name
// all of them.
func openModel(path, output string) (*onnxio.Model, []string, error) {
	m, err := onnxio.Open(path)
	if err != nil {
		return nil, nil, err
	}
	outputs, err := samples.ChooseOutput(m, output)
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
