//go:build (!amd64 && !arm64) || noasm

package winograd

import (
	"github.com/advparams/advparams/internal/kernel/simd"
)

var winogradCode = [simd.Levels]func(winoTransform, *winoArgs){simd.Portable: portableWinograd}

func laneCode() *laneKernels { return nil }
