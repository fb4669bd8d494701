package main

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/nd"
)

// writeArrays writes an .npz of arrays given as NAME=D1,D2,… with floats that are smooth
// along the last axis, NAME:K=D1,D2,… with integers below K, or NAME==V, an integer.
func writeArrays(path string, specs []string) error {
	rng := rand.New(rand.NewPCG(1, 2))
	var arrays []dataset.Named
	for _, spec := range specs {
		name, dims, ok := strings.Cut(spec, "=")
		if !ok {
			return fmt.Errorf("%q is no array", spec)
		}
		if scalar, is := strings.CutPrefix(dims, "="); is {
			v, err := strconv.ParseInt(scalar, 10, 64)
			if err != nil {
				return err
			}
			arrays = append(arrays, dataset.Named{Name: name, Array: nd.Scalar(v)})
			continue
		}
		var shape []int
		for _, d := range strings.Split(dims, ",") {
			n, err := strconv.Atoi(d)
			if err != nil {
				return err
			}
			shape = append(shape, n)
		}
		if of, below, is := strings.Cut(name, ":"); is {
			k, err := strconv.ParseInt(below, 10, 64)
			if err != nil {
				return err
			}
			a := nd.New(nd.Int64, shape...)
			for i := range a.Int64s() {
				a.Int64s()[i] = rng.Int64N(k)
			}
			arrays = append(arrays, dataset.Named{Name: of, Array: a})
			continue
		}
		a := nd.New(nd.Float32, shape...)
		last := shape[len(shape)-1]
		for row := 0; row < a.Len(); row += last {
			rate, phase, level := rng.Float64()*0.8, rng.Float64()*6, rng.NormFloat64()/2
			for i := range last {
				a.Float32s()[row+i] = float32(math.Sin(rate*float64(i)+phase) + level + rng.NormFloat64()/4)
			}
		}
		arrays = append(arrays, dataset.Named{Name: name, Array: a})
	}
	var b bytes.Buffer
	if err := dataset.WriteNPZ(&b, arrays); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o666)
}
