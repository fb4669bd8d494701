//go:build !amd64 || noasm

package kernel

var winogradCode = [levels]func(winoTransform, *winoArgs){portableLevel: portableWinograd}

func laneCode() *laneKernels { return nil }
