//go:build !amd64 || noasm

package winograd

import (
	"github.com/advparams/advparams/internal/kernel/simd"
)

var winogradCode = [simd.Levels]func(winoTransform, *winoArgs){simd.Portable: portableWinograd, simd.NEON: portableWinograd}

func laneCode() *laneKernels { return nil }
