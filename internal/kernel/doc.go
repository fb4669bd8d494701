// Package kernel computes on float32 numbers in row-major slices: matrix
// products, convolutions, pooling, normalisation, softmax and elementwise
// functions, each with its gradients. It knows nothing of graphs or files.
//
// Every function that can use several cores takes a *Workers, whose nil value
// means "this goroutine only". Results do not depend on the number of threads:
// work is divided into pieces fixed by the shapes, and partial sums are added
// in a fixed order.
//
// Slices must have at least the number of elements that the shapes call for,
// and outputs must not overlap inputs unless a function says that it may work
// in place. A slice too short or a contradictory shape is an error of the
// calling program and panics; callers check what comes from files.
//
// # Files
//
//	workers.go, spin.go      goroutines that share the work, and how they wait
//	isa*.go                  instruction sets: what runs where
//	internal/asmgen          the generator of asm_amd64.*
//	tile.go                  the task of a microkernel, and its portable version
//	gemm*.go, strip.go       matrix products: packing and blocking, microkernels
//	cache.go                 sizes of caches, which decide about blocking
//	conv.go                  convolution of 1 to 3 spatial axes: choice of a method
//	conv_direct.go           what forward and the gradient of the input share
//	conv_channels.go         method: result channels in the lanes, any stride
//	conv_positions.go        method: positions in the lanes, stride 1; 1×1 kernels
//	conv_rows.go             method: positions of rows in the lanes, few channels or taps
//	conv_tall.go             method: 1×1 kernels, few result channels, all in registers
//	conv_quads.go            method: 1×1 kernels, maps of four positions
//	conv_images.go           method: a position of many images in the lanes, small maps
//	conv_depthwise.go        method: a kernel for each channel
//	conv_small.go            method: a kernel for each channel, of a few elements
//	conv_dense.go            method: kernels as large as the image
//	winograd*.go             method: 3×3 kernels with fewer multiplications
//	conv_weight.go           gradient of the weights: choice of a method, conv_*_weight.go the others
//	idle.go                  memory that parts of a loop use in turn
//	pool*.go                 maximum and average pooling; windows of 2×2, and others
//	softmax.go               softmax, log-softmax
//	norm.go                  layer normalisation, per-channel scale and shift
//	groupnorm.go, rmsnorm.go, lpnorm.go, channelsum.go  other normalisations
//	heads.go                 attention, of heads where they lie
//	attention.go             masked softmax, rotary embedding
//	recurrent*.go            RNN, GRU and LSTM, step by step
//	maths.go, vector*.go     exp, log, tanh, … and arithmetic on slices
package kernel
